"""The API goes away in the middle of a replay: said in one sentence, and a rerun goes on with nothing twice."""

from collections.abc import Iterator
from contextlib import closing, contextmanager

import psycopg2
import pytest

from streaming import settings
from streaming.replays.sending import IN_FLIGHT
from tests import airflow, stack
from tests.failed_runs import DAG, failed_run, replays, statuses

pytestmark = pytest.mark.faults


@contextmanager
def held(run_id: str, count: int) -> Iterator[None]:
    """The newest so many failures of the run cannot be replayed meanwhile: whoever tries waits."""
    newest = """SELECT FROM questions q JOIN failed_questions f USING (question_id, submission_id) WHERE q.run_id = %s
                ORDER BY f.failed_at DESC LIMIT %s FOR UPDATE OF q"""
    with closing(psycopg2.connect(settings.load().database_url)) as connection, connection.cursor() as cursor:
        cursor.execute(newest, (run_id, count))
        yield
        connection.rollback()


@pytest.mark.timeout(600)
async def test_an_api_that_stops_in_the_middle_of_a_replay_is_told_in_a_sentence_and_a_rerun_goes_on() -> None:
    api = airflow.api()
    run_id, failed = await failed_run(requests=150)
    assert failed > IN_FLIGHT
    with held(run_id, IN_FLIGHT):
        dag_run = api.trigger(DAG, {"run_id": run_id, "approve_above": 10_000})
        stack.until(lambda: replays(run_id) == failed - IN_FLIGHT, "the replay is in the middle", 120)
        stack.stop("storage-api")
    try:
        assert airflow.ended(api, DAG, dag_run, 300) == "failed"
    finally:
        stack.start("storage-api")
    ((task, last),) = airflow.failures(api, DAG, dag_run)
    first = api.log(DAG, dag_run, {**task, "try_number": 1})
    assert task["task_id"] == "send"
    stopped = f"ERROR The replay has stopped after {failed - IN_FLIGHT} replayed: "
    assert any(line.startswith(stopped) and "goes on where it stopped" in line for line in first), first
    assert any(line.startswith("ERROR The API at http://127.0.0.1") and "Is the stack up" in line for line in last), last
    assert replays(run_id) == failed - IN_FLIGHT

    api.clear(DAG, dag_run, only_failed=True)
    stack.until(lambda: api.dag_run(DAG, dag_run)["state"] == "success", "the rerun succeeds", 240)
    outcome = api.result(DAG, dag_run, "outcome")
    assert (outcome["replayed"], outcome["recovered"]) == (failed, failed)
    assert replays(run_id) == failed
    assert statuses(run_id).keys() == {"answered"}
