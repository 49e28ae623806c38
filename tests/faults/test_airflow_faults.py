"""Parts of Airflow die in the middle of a run: it still ends right."""

import pytest

from deploy.local.airflow_api import AirflowApi
from tests import airflow, stack

pytestmark = pytest.mark.faults


@pytest.fixture(scope="module")
def api() -> AirflowApi:
    return airflow.api()


def assert_right(api: AirflowApi, dag_run: str, requests: int) -> None:
    """Succeeded, nothing sent twice, nothing lost."""
    airflow.succeeded(api, "traffic_run", dag_run, 420)
    summary = api.result("traffic_run", dag_run, "summary")
    assert (summary["state"], summary["requests"]["total"]) == ("drained", requests)
    assert stack.sql("SELECT count(*) FROM traffic_requests WHERE run_id = %s", summary["run_id"]) == [(requests,)]
    stack.assert_complete(summary["run_id"])


def until_task(api: AirflowApi, dag_run: str, task_id: str, state: str) -> None:
    stack.until(lambda: airflow.state_of(api, "traffic_run", dag_run, task_id) == {state}, f"{task_id} is {state}", 180)


@pytest.mark.timeout(600)
@pytest.mark.parametrize("program", ["airflow-scheduler", "airflow-triggerer"])
def test_killed_while_it_sends_the_run_ends_right(api: AirflowApi, program: str) -> None:
    dag_run = api.trigger("traffic_run", {"requests": 60, "rate": 4, "timeout_s": 300})
    until_task(api, dag_run, "send", "running")
    pid = stack.kill(program)
    stack.until_restarted(program, pid)
    assert_right(api, dag_run, 60)


@pytest.mark.timeout(600)
@pytest.mark.parametrize("program", ["airflow-triggerer", "airflow-scheduler"])
def test_killed_while_it_waits_the_run_ends_right(api: AirflowApi, program: str) -> None:
    stack.stop("llm-consumer")
    try:
        # Nothing is answered within the 30 s that a request waits, so that the run comes to drain with all of its questions pending.
        dag_run = api.trigger("traffic_run", {"requests": 12, "rate": 20, "timeout_s": 30})
        until_task(api, dag_run, "drain", "deferred")
        pid = stack.kill(program)
        stack.until_restarted(program, pid)
    finally:
        stack.start("llm-consumer")
    airflow.succeeded(api, "traffic_run", dag_run, 300)
    summary = api.result("traffic_run", dag_run, "summary")
    asked = stack.sql("SELECT count(*) FROM questions WHERE run_id = %s", summary["run_id"])[0][0]
    assert (summary["state"], summary["scores"]["answered"]) == ("drained", asked)
