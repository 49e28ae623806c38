"""Failures to replay, made on the running stack, and replays of them in its Airflow."""

from typing import Any

from deploy.local.airflow_api import AirflowApi
from tests import airflow, stack

DAG = "replay_failed_questions"


async def failed_run(requests: int = 30) -> tuple[str, int]:
    """A run of which many questions failed, though the model is well again: its id, and how many failed."""
    stack.set_faults(refused_400=0.5)
    try:
        run_id, finished = await stack.traffic(dataset=stack.load_sample(), requests=requests, rate=30.0, popularity="uniform")
    finally:
        stack.set_faults()
    failed = sum(finished.summary.failures.values())
    assert failed > 4, "the model has refused hardly anything"
    return run_id, failed


def statuses(run_id: str) -> dict[str, int]:
    """The run's questions by state."""
    return dict(stack.sql("SELECT status, count(*) FROM questions WHERE run_id = %s GROUP BY 1", run_id))


def replays(run_id: str) -> int:
    """How many of the run's submissions are replays."""
    return int(stack.sql("SELECT count(*) FROM submissions WHERE run_id = %s AND kind = 'replay'", run_id)[0][0])


def replay(api: AirflowApi, **form: Any) -> tuple[str, dict[str, Any]]:
    """Run the DAG with this form to its end; the DAG run and what it came to."""
    dag_run = api.trigger(DAG, form)
    airflow.succeeded(api, DAG, dag_run)
    return dag_run, api.result(DAG, dag_run, "outcome")


def log_of(api: AirflowApi, dag_run: str, task_id: str) -> str:
    """The log of a task's newest try."""
    (task,) = (each for each in api.tasks(DAG, dag_run) if each["task_id"] == task_id)
    return "\n".join(api.log(DAG, dag_run, task))
