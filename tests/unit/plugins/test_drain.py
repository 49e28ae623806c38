"""Waiting until a run has drained."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowFailException, TaskDeferred

from answerloop_airflow.operators.drain import WaitForDrainOperator
from answerloop_airflow.triggers.drain import DrainTrigger
from streaming.errors import Unreachable
from streaming.traffic import drain, run
from streaming.traffic.drain import Backlog

EMPTY = Backlog({}, {})
SCORING = Backlog({"at the model or being scored": 3}, {"flink_score_job": 2})
DRAINED = {"pending": {}, "unread": {}, "problem": None}


@pytest.fixture
def looks(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What each look at the run finds, one after the other; the last for ever. An error is raised."""
    found: list[Any] = []

    async def look(*_: Any) -> Backlog:
        seen = found.pop(0) if len(found) > 1 else found[0]
        if isinstance(seen, Exception):
            raise seen
        return seen

    monkeypatch.setattr(drain, "wait_until_drained", look)
    return found


@pytest.fixture
def recorded(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, ...]]:
    """What is recorded of the run."""
    calls: list[tuple[Any, ...]] = []
    for name in ("mark_sent", "end_run", "close_run"):

        async def record(*arguments: Any, name: str = name) -> None:
            calls.append((name, *arguments[:2]))

        monkeypatch.setattr(run, name, record)
    return calls


def trigger(seconds: float = 60) -> DrainTrigger:
    return DrainTrigger("r1", (datetime.now(UTC) + timedelta(seconds=seconds)).isoformat())


def operator() -> WaitForDrainOperator:
    return WaitForDrainOperator(task_id="drain", subject="r1", timeout_s="60")


async def fired(waiting: DrainTrigger) -> dict[str, Any]:
    return (await anext(waiting.run())).payload


async def test_the_trigger_fires_once_the_run_has_drained(looks: list[Any]) -> None:
    looks.extend([SCORING, SCORING, EMPTY])
    assert await fired(trigger()) == DRAINED


async def test_at_the_deadline_the_trigger_says_what_is_still_where(looks: list[Any]) -> None:
    looks.append(SCORING)
    assert await fired(trigger(-1)) == {"pending": SCORING.pending, "unread": SCORING.unread, "problem": None}


async def test_a_component_that_is_away_for_a_while_ends_no_wait(looks: list[Any]) -> None:
    looks.extend([Unreachable("PostgreSQL is away"), EMPTY])
    assert await fired(trigger()) == DRAINED


async def test_a_component_that_stays_away_until_the_deadline_is_named(looks: list[Any]) -> None:
    looks.append(Unreachable("PostgreSQL is away"))
    assert await fired(trigger(-1)) == {"pending": {}, "unread": {}, "problem": "PostgreSQL is away"}


async def test_a_wait_that_a_user_ends_cancels_the_run(recorded: list[tuple[Any, ...]]) -> None:
    await trigger().on_kill()
    assert recorded == [("end_run", "r1", "cancelled")]


def test_a_trigger_survives_being_stored_with_its_deadline() -> None:
    path, fields = trigger().serialize()
    assert path == "answerloop_airflow.triggers.drain.DrainTrigger"
    assert DrainTrigger(**fields).serialize() == (path, fields)


def test_the_wait_is_the_triggerers_and_begins_when_all_is_sent(recorded: list[tuple[Any, ...]]) -> None:
    before = datetime.now(UTC)
    with pytest.raises(TaskDeferred) as deferred:
        operator().execute({})
    assert [call[:2] for call in recorded] == [("mark_sent", "r1")]
    waiting = deferred.value.trigger
    assert isinstance(waiting, DrainTrigger)
    wait = datetime.fromisoformat(waiting.deadline) - before
    assert timedelta(seconds=60) <= wait < timedelta(seconds=90)
    assert deferred.value.timeout > wait


def test_a_drained_run_lets_the_dag_go_on(recorded: list[tuple[Any, ...]]) -> None:
    operator().resume({}, DRAINED)
    assert recorded == []


def test_a_run_that_does_not_drain_fails_with_what_is_still_where_and_keeps_its_figures(recorded: list[tuple[Any, ...]]) -> None:
    with pytest.raises(AirflowFailException, match=r"r1 has not drained within 60 s: pending questions: 3 at the model.*clear this task"):
        operator().resume({}, {"pending": SCORING.pending, "unread": SCORING.unread, "problem": None})
    assert recorded == [("close_run", "r1", SCORING)]


def test_a_run_that_nobody_could_look_at_fails_with_the_reason(recorded: list[tuple[Any, ...]]) -> None:
    with pytest.raises(AirflowFailException, match="r1 has not drained within 60 s: PostgreSQL is away"):
        operator().resume({}, {"pending": {}, "unread": {}, "problem": "PostgreSQL is away"})
    assert recorded == []
