"""Says what the score threshold means with the configured scorer: how many unrelated answers it accepts, and how many good ones it refuses.

It scores pairs of a loaded dataset: each question's reference against an answer to the same question (a recorded answer of a real model,
else another reference, else a variant of the reference), and against the reference of another question. The report holds both
distributions, the errors of every threshold and the one recommended; the reports of runs and days quote it. A second time replaces the
first.

The result is an estimate, with its interval: more pairs make it narrower. A thousand take a minute or two on two cores. The scorer's
network is loaded into the task's own process, which then takes 1.3 GB.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from airflow.sdk import dag, task

from answerloop_airflow.assets import DATASETS, REPORTS
from answerloop_airflow.calibration import FORM, calibrate


@dag(
    schedule=None,
    params=FORM,
    # The scorer takes all cores and 1.3 GB: two at once would only be slower.
    max_active_runs=1,
    doc_md=__doc__,
    description="How many unrelated answers the score threshold accepts, and which threshold to use.",
    tags=["answerloop", "reports"],
    default_args={"owner": "answerloop", "retries": 2, "retry_delay": timedelta(seconds=10), "execution_timeout": timedelta(hours=1)},
)
def calibrate_threshold() -> None:
    """One task: the result is stored at its end, or nothing is."""

    @task(task_id="calibrate", inlets=[DATASETS], outlets=[REPORTS])
    def run(*, params: dict[str, Any], outlet_events: Any) -> dict[str, Any]:
        calibrated = calibrate(dataset=params["dataset"], pairs=params["pairs"], seed=params["seed"])
        outlet_events[REPORTS].extra = {"kind": "calibration", "subject": calibrated["subject"], "path": calibrated["report"]}
        return calibrated

    run()


calibrate_threshold()
