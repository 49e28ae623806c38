"""A submission drawn as lanes."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from answerloop_airflow.pages.lanes import Lane, lanes

BEGAN = datetime(2026, 11, 23, 12, tzinfo=UTC)


def attempt(queued_s: float | None, **stages_s: float | None) -> dict[str, Any]:
    times = dict.fromkeys(("waiting", "queue", "model", "scoring", "store")) | stages_s
    return {
        "enqueued_at": None if queued_s is None else BEGAN + timedelta(seconds=queued_s),
        "llm_started_at": None,
        "stored_at": BEGAN,
        "stages": {f"{name}_ms": None if value is None else value * 1000 for name, value in times.items()},
    }


def drawn(*attempts: dict[str, Any]) -> list[Lane]:
    return lanes({"submitted_at": BEGAN, "attempts": attempts})


def test_an_attempt_lies_where_it_was_in_time_behind_its_waiting() -> None:
    first, second = drawn(attempt(0, queue=1, model=1), attempt(6, waiting=4, queue=1, model=2, scoring=1))
    assert first == Lane(0.0, {"queue": pytest.approx(0.1), "model": pytest.approx(0.1)})
    assert second.start == pytest.approx(0.2)
    assert second.widths == {
        name: pytest.approx(part) for name, part in {"waiting": 0.4, "queue": 0.1, "model": 0.2, "scoring": 0.1}.items()
    }
    assert second.start + sum(second.widths.values()) == pytest.approx(1.0)


def test_a_stage_that_was_not_reached_has_no_width() -> None:
    (lane,) = drawn(attempt(0, queue=1, model=3))
    assert "scoring" not in lane.widths


def test_nothing_begins_before_the_submission_whatever_the_clocks_say() -> None:
    (lane,) = drawn(attempt(-5, queue=-1, model=2))
    assert lane == Lane(0.0, {"model": 1.0})


def test_attempts_without_any_time_are_lanes_without_stages() -> None:
    assert drawn(attempt(None), attempt(None)) == [Lane(0.0, {}), Lane(0.0, {})]
    assert drawn() == []
