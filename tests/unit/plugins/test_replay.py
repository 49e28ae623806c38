"""Waiting for a replay, and what the tasks say."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowFailException, TaskDeferred

from answerloop_airflow import reconcile
from answerloop_airflow.operators.replay import WaitForReplayOperator
from answerloop_airflow.triggers.replay import ReplayTrigger
from streaming.errors import Unreachable
from streaming.replays import outcome
from streaming.replays.outcome import Outcome

BUSY = Outcome("evening", 3, 1, {}, {}, 2)
ENDED = Outcome("evening", 3, 2, {"overload_exhausted": 1}, {"overload_exhausted": "busy"}, 0)
TOLD = "3 replayed: 2 recovered, 1 failed again (1 overload_exhausted)"


@pytest.fixture
def looks(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What each look finds, one after the other; the last for ever. An error is raised."""
    found: list[Any] = []

    def look(*_: Any) -> Outcome:
        seen = found.pop(0) if len(found) > 1 else found[0]
        if isinstance(seen, Exception):
            raise seen
        return seen

    monkeypatch.setattr(outcome, "read_outcome", look)
    monkeypatch.setattr("answerloop_airflow.triggers.replay.LOOK_EVERY_S", 0.001)
    return found


def trigger(seconds: float = 60) -> ReplayTrigger:
    return ReplayTrigger("evening", (datetime.now(UTC) + timedelta(seconds=seconds)).isoformat())


def operator() -> WaitForReplayOperator:
    return WaitForReplayOperator(task_id="wait", subject="evening", timeout_s="60")


async def fired(waiting: ReplayTrigger) -> dict[str, Any]:
    return (await anext(waiting.run())).payload


async def test_the_trigger_fires_once_every_question_has_its_end(looks: list[Any]) -> None:
    looks.extend([BUSY, Unreachable("PostgreSQL is away"), BUSY, ENDED])
    assert await fired(trigger()) == {"pending": 0, "told": TOLD, "problem": None}


async def test_at_the_deadline_the_trigger_says_how_it_stands(looks: list[Any]) -> None:
    looks.append(BUSY)
    assert await fired(trigger(-1)) == {"pending": 2, "told": "3 replayed: 1 recovered, 0 failed again, 2 pending", "problem": None}


async def test_a_database_that_stays_away_until_the_deadline_is_named(looks: list[Any]) -> None:
    looks.append(Unreachable("PostgreSQL is away"))
    assert await fired(trigger(-1)) == {"pending": 0, "told": "", "problem": "PostgreSQL is away"}


def test_a_trigger_survives_being_stored_with_its_deadline() -> None:
    path, fields = trigger().serialize()
    assert path == "answerloop_airflow.triggers.replay.ReplayTrigger"
    assert ReplayTrigger(**fields).serialize() == (path, fields)


def test_the_wait_is_the_triggerers() -> None:
    before = datetime.now(UTC)
    with pytest.raises(TaskDeferred) as deferred:
        operator().execute({})
    waiting = deferred.value.trigger
    assert isinstance(waiting, ReplayTrigger)
    wait = datetime.fromisoformat(waiting.deadline) - before
    assert timedelta(seconds=60) <= wait < timedelta(seconds=90)
    assert deferred.value.timeout > wait


def test_a_replay_that_has_ended_lets_the_dag_go_on() -> None:
    operator().resume({}, {"pending": 0, "told": TOLD, "problem": None})


@pytest.mark.parametrize(("pending", "problem", "named"), [(2, None, "2 pending"), (0, "PostgreSQL is away", "PostgreSQL is away")])
def test_a_replay_that_does_not_end_fails_with_how_it_stands(pending: int, problem: str | None, named: str) -> None:
    with pytest.raises(AirflowFailException, match=rf"has not ended within 60 s: .*{named}.*clear this task"):
        operator().resume({}, {"pending": pending, "told": str(BUSY), "problem": problem})


@pytest.mark.parametrize(
    ("done", "said"),
    [
        (
            {"at_rest": False, "busy": ["a grows", "b", "c", "d"], "requeued": 0, "question_ids": []},
            "at work (a grows; b; c; ...), so nothing",
        ),
        ({"at_rest": True, "busy": [], "requeued": 0, "question_ids": []}, "no pending question is lost"),
        (
            {"at_rest": True, "busy": [], "requeued": 2, "question_ids": ["x", "y"]},
            "2 pending questions were lost: they are asked again (x, y)",
        ),
    ],
)
def test_what_requeueing_did_is_one_sentence(done: dict[str, Any], said: str) -> None:
    assert said in reconcile.sentence(done)
    assert "\n" not in reconcile.sentence(done)
