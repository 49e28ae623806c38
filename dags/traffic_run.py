"""An experiment: sends traffic through the loop, waits until all of it is answered or has failed, and stores the run's summary.

* `prepare` checks the form and that everything the run needs is there.
* `send` sends the requests, one task a generator, and follows each until it ends.
* `drain` waits, without holding a worker, until the loop is done with the run; its log says what is still where.
* `summary` stores the summary and shows it in its log and as its return value.
* `report` starts `run_report`, named after this DAG run.

The form and the seed repeat a run exactly. Marking the DAG run or a task as failed cancels it: its traffic stops.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from airflow.providers.standard.operators.trigger_dagrun import TriggerDagRunOperator
from airflow.sdk import Param, dag, task

from answerloop_airflow import experiment
from answerloop_airflow.assets import DATASETS, RUNS
from answerloop_airflow.forms import params
from answerloop_airflow.operators.drain import WaitForDrainOperator
from answerloop_airflow.operators.traffic import SendTrafficOperator
from answerloop_airflow.runs import traffic_run_id
from streaming.traffic.plan import TrafficPlan

MAX_GENERATORS = 4


# The form shows what most experiments vary, and folds the rest away.
FORM = {
    **params(TrafficPlan, without=("think_time_s", "patience_s", "resolve_timeout_s"), dataset="sample"),
    "timeout_s": Param(
        300,
        type="integer",
        minimum=10,
        maximum=86_400,
        title="Timeout",
        description="Seconds that a request waits for its answer, and that the loop may then take to drain.",
    ),
    "generators": Param(
        1,
        type="integer",
        minimum=1,
        maximum=MAX_GENERATORS,
        title="Generators",
        description="Tasks that share the sending; each takes a worker slot.",
    ),
}

# The traffic run is named after the DAG run.
RUN_ID = "{{ traffic_run_id(run_id) }}"


@dag(
    schedule=None,
    params=FORM,
    user_defined_macros={"traffic_run_id": traffic_run_id},
    doc_md=__doc__,
    description="An experiment: traffic, draining, summary.",
    tags=["answerloop", "experiment"],
    default_args={"owner": "answerloop", "retries": 2, "retry_delay": timedelta(seconds=5)},
)
def traffic_run() -> None:
    """Retries are harmless: requests are recorded by number and sent once, and a summary is what the tables say."""

    @task
    def prepare(run: str, *, params: dict[str, Any]) -> list[dict[str, Any]]:
        return experiment.begin(run, params)

    @task(inlets=[DATASETS], outlets=[RUNS])
    def summary(run: str, *, outlet_events: Any) -> dict[str, Any]:
        figures = experiment.conclude(run)
        outlet_events[RUNS].extra = {"run_id": run, "dataset": figures["dataset"]}
        return figures

    send = SendTrafficOperator.partial(
        task_id="send", run_id=RUN_ID, map_index_template="generator {{ task.share['index'] + 1 }} of {{ task.share['of'] }}"
    ).expand(share=prepare(RUN_ID))
    drain = WaitForDrainOperator(task_id="drain", subject=RUN_ID, timeout_s="{{ params.timeout_s }}")
    # Airflow may hold the asset's event back until another run ends. A run that ends again, cleared, is reported again.
    report = TriggerDagRunOperator(task_id="report", trigger_dag_id="run_report", trigger_run_id="report__{{ run_id }}", reset_dag_run=True)
    send >> drain >> summary(RUN_ID) >> report


traffic_run()
