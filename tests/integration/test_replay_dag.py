"""Failures replayed by the DAG in the stack's Airflow, as a user starts it."""

from typing import Any

import pytest

from deploy.local.airflow_api import AirflowApi
from streaming import settings
from streaming.errors import UserError
from tests import airflow, stack
from tests.failed_runs import DAG, failed_run, log_of, replay, replays, statuses

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def api() -> AirflowApi:
    return airflow.api()


@pytest.fixture
async def failures() -> tuple[str, int]:
    """A run with failures, and how many."""
    return await failed_run()


def states(api: AirflowApi, dag_run: str) -> dict[str, Any]:
    return {task["task_id"]: task["state"] for task in api.tasks(DAG, dag_run)}


def failing_sentence(api: AirflowApi, **form: object) -> str:
    dag_run = api.trigger(DAG, form)
    assert airflow.ended(api, DAG, dag_run) == "failed"
    ((task, log),) = airflow.failures(api, DAG, dag_run)
    assert task["try_number"] == 1, "a user's mistake is not tried again"
    assert not any("Traceback" in line for line in log)
    return next(line for line in log if line.startswith("ERROR"))


def test_failures_are_replayed_and_answered_and_then_there_is_nothing_to_do(api: AirflowApi, failures: tuple[str, int]) -> None:
    run_id, failed = failures
    history = stack.sql("SELECT * FROM failed_questions WHERE run_id = %s AND replayed_at IS NULL", run_id)
    dag_run, outcome = replay(api, run_id=run_id)
    assert (outcome["matched"], outcome["replayed"], outcome["recovered"]) == (failed, failed, failed)
    assert (outcome["failed_again"], outcome["pending"]) == ({}, 0)
    assert statuses(run_id).keys() == {"answered"}
    assert replays(run_id) == failed
    assert f"all {failed} failures that match" in log_of(api, dag_run, "choose")
    assert states(api, dag_run)["approve"] == "skipped"
    # The failures can still be read, and say that they were replayed.
    kept = stack.sql("SELECT * FROM failed_questions WHERE run_id = %s AND replayed_at IS NOT NULL", run_id)
    assert sorted(row[:-1] for row in kept) == sorted(row[:-1] for row in history)

    again, outcome = replay(api, run_id=run_id)
    assert (outcome["matched"], outcome["replayed"]) == (0, 0)
    assert "nothing to replay" in log_of(api, again, "outcome")
    assert (states(api, again)["send"], states(api, again)["wait"]) == ("skipped", "skipped")
    assert replays(run_id) == failed


def test_what_fails_again_is_counted_with_its_cause_and_a_rerun_of_the_same_replay_leaves_it(
    api: AirflowApi, failures: tuple[str, int]
) -> None:
    run_id, failed = failures
    stack.set_faults(refused_400=1.0)
    try:
        dag_run, outcome = replay(api, run_id=run_id)
    finally:
        stack.set_faults()
    assert (outcome["recovered"], outcome["failed_again"]) == (0, {"refused_by_model": failed})
    assert f"0 recovered, {failed} failed again ({failed} refused_by_model)" in log_of(api, dag_run, "outcome")

    api.clear(DAG, dag_run, only_failed=False)
    airflow.succeeded(api, DAG, dag_run)
    assert api.result(DAG, dag_run, "outcome")["replayed"] == failed
    assert replays(run_id) == failed


def test_a_dry_run_shows_a_sample_and_replays_nothing(api: AirflowApi, failures: tuple[str, int]) -> None:
    run_id, failed = failures
    dag_run, outcome = replay(api, run_id=run_id, dry_run=True)
    shown = log_of(api, dag_run, "choose")
    assert f"Dry run: all {failed} failures that match" in shown
    assert "400 Bad Request" in shown
    assert (outcome["matched"], outcome["replayed"], replays(run_id)) == (failed, 0, 0)


def test_filters_and_limit_narrow_the_choice(api: AirflowApi, failures: tuple[str, int]) -> None:
    run_id, failed = failures
    _, outcome = replay(api, run_id=run_id, cause="refused_by_model", error_text="PROMPT is refused", limit=3, since="2020-01-01T00:00:00Z")
    assert (outcome["matched"], outcome["replayed"], replays(run_id)) == (failed, 3, 3)
    for nothing in ({"cause": "unscorable"}, {"error_text": "100% _lost_"}, {"until": "2020-01-01T00:00:00Z"}):
        dag_run, outcome = replay(api, run_id=run_id, **nothing)
        assert (outcome["matched"], outcome["replayed"]) == (0, 0)
        assert "No failure matches" in log_of(api, dag_run, "choose")
    assert replays(run_id) == 3


def until_asked(api: AirflowApi, dag_run: str) -> None:
    stack.until(lambda: states(api, dag_run).get("approve") == "awaiting_input", "a person is asked", 120)


def answer(api: AirflowApi, dag_run: str, choice: str) -> None:
    """At once and only once, as a person may who watches."""
    api.answer(DAG, dag_run, "approve", choice)
    stack.until(lambda: states(api, dag_run)["approve"] == "success", f"the answer {choice!r} has its effect", 120)


def test_more_than_the_set_number_wait_for_approval_and_then_go_on(api: AirflowApi, failures: tuple[str, int]) -> None:
    run_id, failed = failures
    dag_run = api.trigger(DAG, {"run_id": run_id, "approve_above": 1})
    until_asked(api, dag_run)
    assert replays(run_id) == 0
    asked = api.asked(DAG, dag_run, "approve")
    assert f"all {failed} failures that match" in asked["subject"]
    assert f"| `refused_by_model` | {failed} |" in asked["body"]
    assert "| `400 Bad Request: this prompt is refused (simulated)` |" in asked["body"]
    answer(api, dag_run, "Approve")
    airflow.succeeded(api, DAG, dag_run)
    assert api.result(DAG, dag_run, "outcome")["recovered"] == failed == replays(run_id)


def test_a_rejected_replay_changes_nothing_and_says_so(api: AirflowApi, failures: tuple[str, int]) -> None:
    run_id, failed = failures
    dag_run = api.trigger(DAG, {"run_id": run_id, "approve_above": 1})
    until_asked(api, dag_run)
    answer(api, dag_run, "Reject")
    airflow.succeeded(api, DAG, dag_run)
    assert states(api, dag_run)["send"] == "skipped"
    assert "Nothing was replayed: no approval" in log_of(api, dag_run, "outcome")
    assert (replays(run_id), statuses(run_id)["failed"]) == (0, failed)


def test_another_model_answers(api: AirflowApi, failures: tuple[str, int]) -> None:
    run_id, failed = failures
    other = settings.load().simulator_other_model
    replay(api, run_id=run_id, model=other)
    answered = "SELECT a.model FROM answers a JOIN submissions s USING (submission_id) WHERE s.run_id = %s AND s.kind = 'replay'"
    models = [model for (model,) in stack.sql(answered, run_id)]
    assert len(models) == failed
    assert all(model.startswith(other) for model in models)


def test_a_run_that_does_not_exist_is_named(api: AirflowApi) -> None:
    assert "There is no run 'never-ran'" in failing_sentence(api, run_id="never-ran")


def test_a_model_that_the_server_lacks_is_refused_with_those_it_has(api: AirflowApi) -> None:
    assert "has no model 'no-such-model'; it has " in failing_sentence(api, model="no-such-model")


def test_a_window_that_ends_before_it_begins_is_refused(api: AirflowApi) -> None:
    sentence = failing_sentence(api, since="2026-05-02T00:00:00Z", until="2026-05-01T00:00:00Z")
    assert "`since` must be before `until`" in sentence
    assert "since: Input should be a valid datetime" in failing_sentence(api, since="yesterday")


@pytest.mark.parametrize(("field", "value"), [("limit", 0), ("limit", 10_001), ("approve_above", -1), ("cause", "")])
def test_a_value_out_of_range_is_refused_before_anything_runs(api: AirflowApi, field: str, value: object) -> None:
    with pytest.raises(UserError, match=field):
        api.trigger(DAG, {field: value})
