"""Loads questions and reference answers from a CSV in the Yahoo format: class, title, content, answer; no header.

The file is streamed, so its size does not matter. Loading it again changes nothing. Rows that cannot be used are counted and written to
`NAME.rejected.csv` beside the file, each with its line and reason.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from airflow.sdk import Param, dag, task

from answerloop_airflow.assets import DATASETS
from answerloop_airflow.datasets import load

FORM = {
    "path": Param(
        "data/sample.csv",
        type="string",
        minLength=1,
        maxLength=4096,
        title="File",
        description="A path on the machine that runs Airflow's tasks; a relative one starts in the project's folder.",
    ),
    "dataset": Param(
        None,
        type=["string", "null"],
        minLength=1,
        maxLength=200,
        title="Dataset",
        description="The name that traffic runs call it by; empty: the file's name without its ending.",
    ),
}


@dag(
    schedule=None,
    params=FORM,
    doc_md=__doc__,
    description="A CSV file into the corpus that traffic asks from.",
    tags=["answerloop", "setup"],
    default_args={"owner": "answerloop", "retries": 2, "retry_delay": timedelta(seconds=5)},
)
def load_questions() -> None:
    """One task: the whole file is committed, or nothing of it."""

    @task(task_id="load", outlets=[DATASETS])
    def load_file(*, params: dict[str, Any], outlet_events: Any) -> dict[str, Any]:
        loaded = load(params["path"], params["dataset"])
        outlet_events[DATASETS].extra = {"dataset": loaded["dataset"], "questions": loaded["questions"]}
        return loaded

    load_file()


load_questions()
