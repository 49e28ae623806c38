"""Seeing to it that the score job runs."""

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from airflow.sdk.exceptions import AirflowException, TaskDeferred

from answerloop_airflow.hooks import JobSubmitterHook
from answerloop_airflow.operators.score_job import EnsureScoreJobOperator
from answerloop_airflow.triggers import score_job
from answerloop_airflow.triggers.score_job import ScoreJobTrigger

RUNNING = {"state": "running", "job_id": "j1", "failure": None, "restored_from": None}
STARTING = {"state": "starting", "job_id": "j1", "failure": None, "restored_from": None}


@pytest.fixture
def submitter(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What the submitter answers, one after the other; the last for ever."""
    views: list[dict[str, Any]] = []

    def answer(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, json=views.pop(0) if len(views) > 1 else views[0])

    client = httpx.AsyncClient

    def connected(**options: Any) -> httpx.AsyncClient:
        return client(**options, transport=httpx.MockTransport(answer))

    monkeypatch.setattr(score_job.httpx, "AsyncClient", connected)
    monkeypatch.setattr(JobSubmitterHook, "ask_for_job", lambda self: views[0])
    return views


def operator() -> EnsureScoreJobOperator:
    return EnsureScoreJobOperator(task_id="score_job", timeout_s=60)


def trigger(seconds: float) -> ScoreJobTrigger:
    return ScoreJobTrigger("answerloop_job_submitter", (datetime.now(UTC) + timedelta(seconds=seconds)).isoformat())


async def fired(waiting: ScoreJobTrigger) -> dict[str, Any]:
    return (await anext(waiting.run())).payload


def test_a_job_that_runs_already_is_not_waited_for(submitter: list[dict[str, Any]]) -> None:
    submitter.append(RUNNING)
    assert operator().execute({}) == "j1"


def test_a_job_that_starts_is_waited_for_in_the_triggerer(submitter: list[dict[str, Any]]) -> None:
    submitter.append(STARTING)
    with pytest.raises(TaskDeferred) as deferred:
        operator().execute({})
    assert isinstance(deferred.value.trigger, ScoreJobTrigger)
    assert operator().resume({}, RUNNING) == "j1"


def test_a_job_that_does_not_start_fails_the_task_with_the_submitters_reason() -> None:
    with pytest.raises(AirflowException, match=r"does not run after 60 s \(state: not submitted; no slots\)"):
        operator().resume({}, {"state": "not submitted", "failure": "no slots"})


async def test_the_trigger_fires_when_the_job_runs(submitter: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(score_job, "LOOK_EVERY_S", 0.0)
    submitter.extend([STARTING, STARTING, RUNNING])
    assert await fired(trigger(60)) == RUNNING


async def test_the_trigger_fires_with_what_it_saw_last_when_time_is_up(submitter: list[dict[str, Any]]) -> None:
    submitter.append(STARTING)
    assert await fired(trigger(-1)) == STARTING


async def test_a_submitter_that_is_away_shows_as_unknown() -> None:
    event = await fired(trigger(-1))
    assert event["state"] == "unknown"
    assert "http://127.0.0.1:3" in event["failure"]


def test_a_trigger_survives_being_stored() -> None:
    path, fields = trigger(5).serialize()
    assert path == "answerloop_airflow.triggers.score_job.ScoreJobTrigger"
    assert ScoreJobTrigger(**fields).serialize() == (path, fields)
