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
from answerloop_airflow.forms import plan_param
from answerloop_airflow.operators.drain import WaitForDrainOperator
from answerloop_airflow.operators.traffic import SendTrafficOperator
from answerloop_airflow.runs import traffic_run_id
from streaming.traffic.plan import TrafficPlan

MAX_GENERATORS = 4


def _field(name: str, title: str, description: str, default: str | None = None) -> Param:
    return plan_param(TrafficPlan, name, title=title, description=description, default=default)


def _detail(name: str, title: str, description: str) -> Param:
    return plan_param(TrafficPlan, name, title=title, description=description, section="Details of arrivals and popularity")


# The form shows what most experiments vary, and folds the rest away.
FORM = {
    "dataset": _field("dataset", "Dataset", "A loaded dataset (see load_questions).", "sample"),
    "requests": _field("requests", "Requests", "How many requests to send."),
    "arrivals": _field(
        "arrivals",
        "Arrivals",
        "When they come. constant, poisson, burst and ramp do not wait for answers; closed: each user asks when it has its answer.",
    ),
    "rate": _field("rate", "Rate", "Requests a second; where a ramp begins. Not used by closed arrivals."),
    "popularity": _field("popularity", "Popularity", "uniform: all questions alike; zipf: few of them often."),
    "seed": _field("seed", "Seed", "The same seed gives the same times and questions."),
    "model": _field("model", "Model", "The model to ask, as the model server names it; empty: the configured one."),
    "answer_set": _field(
        "answer_set", "Answer set", "Answers are shared within a set; empty: one of the run's own, so that nothing is known yet."
    ),
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
    "final_rate": _detail("final_rate", "Final rate", "Requests a second where a ramp ends; only with ramp."),
    "burst_size": _detail("burst_size", "Burst size", "Requests that come at once; only with burst."),
    "users": _detail("users", "Users", "How many ask at once; only with closed."),
    "zipf_exponent": _detail("zipf_exponent", "Zipf exponent", "The larger, the fewer questions are asked; only with zipf."),
    "questions": _detail("questions", "Questions", "Ask among the first so many of the dataset; empty: all."),
    "results": plan_param(
        TrafficPlan,
        "results",
        title="Results",
        description="How a generator learns of answers. poll: it asks; callback: the API calls it back, where both run on one machine.",
        section="How answers come back",
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
    drain = WaitForDrainOperator(task_id="drain", run_id=RUN_ID, timeout_s="{{ params.timeout_s }}")
    # Airflow may hold the asset's event back until another run ends. A run that ends again, cleared, is reported again.
    report = TriggerDagRunOperator(task_id="report", trigger_dag_id="run_report", trigger_run_id="report__{{ run_id }}", reset_dag_run=True)
    send >> drain >> summary(RUN_ID) >> report


traffic_run()
