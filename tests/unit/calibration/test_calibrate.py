"""Scoring the pairs of a calibration, with a scorer that is told its scores."""

import logging
from collections.abc import Sequence
from datetime import UTC, datetime

import pytest

from streaming.calibration.calibrate import BATCH, logged, scores
from streaming.calibration.pairs import Labelled
from streaming.calibration.plan import CalibrationPlan, checked
from streaming.clock import ManualClock
from streaming.errors import UnscorablePair, UserError
from streaming.figures.rates import Group
from streaming.scoring.pair import Pair


class ByLength:
    """Scores a pair by the length of its answer; refuses a blank one."""

    name, unit, range = "by length", "characters / 1000", (0.0, 1.5)

    def __init__(self) -> None:
        self.batches: list[int] = []

    def score(self, pairs: Sequence[Pair]) -> list[float | UnscorablePair]:
        self.batches.append(len(pairs))
        return [len(pair.answer) / 1000 if pair.answer else UnscorablePair("answer: the text is blank") for pair in pairs]


def test_every_pair_is_scored_in_order_in_batches_with_progress() -> None:
    count = 2 * BATCH + 3
    scorer, said = ByLength(), []
    pairs = [Labelled(Group.MATCHED, "kind", Pair("x" * (index + 1), "r")) for index in range(count)]
    scored, left_out = scores(pairs, scorer, lambda done, of: said.append((done, of)))
    assert scored == [(Group.MATCHED, "kind", (index + 1) / 1000) for index in range(count)]
    assert scorer.batches == [BATCH, BATCH, 3]
    assert said == [(0, count), (BATCH, count), (2 * BATCH, count), (count, count)]
    assert not left_out


def test_a_pair_that_cannot_be_scored_is_counted_and_gets_no_score() -> None:
    pairs = [Labelled(Group.UNRELATED, "kind", Pair(answer, "r")) for answer in ("", "ab", "")]
    scored, left_out = scores(pairs, ByLength(), lambda *_: None)
    assert scored == [(Group.UNRELATED, "kind", 0.002)]
    assert left_out == {"unrelated: answer: the text is blank": 2}


def test_the_smallest_and_the_largest_plan_are_taken() -> None:
    assert checked(dataset="d", pairs=20, seed=0) == CalibrationPlan(dataset="d", pairs=20, seed=0)
    assert checked(dataset="d" * 200, pairs=5000, seed=2**63 - 1).pairs == 5000


def test_all_bad_fields_are_named_in_one_sentence() -> None:
    with pytest.raises(UserError, match=r"^This calibration cannot be run: pairs=5001: .*5000; seed=-1: .*$"):
        checked(dataset="d", pairs=5001, seed=-1)


async def test_progress_is_logged_at_the_start_every_five_seconds_and_at_the_end(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    clock = ManualClock(datetime(2026, 11, 23, tzinfo=UTC))
    advance = logged(clock)
    for done in (0, 64, 128, 192, 200):
        advance(done, 200)
        await clock.advance(2.5)
    assert [record.getMessage() for record in caplog.records] == [
        "scored 0 of 200 pairs (0 %)",
        "scored 128 of 200 pairs (64 %)",
        "scored 200 of 200 pairs (100 %)",
    ]
