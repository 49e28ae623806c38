"""The checker finds nothing in a good run, and in a run that is broken in one place what is broken."""

from dataclasses import replace
from datetime import timedelta

import pytest

from streaming import topics
from tests.chaos.checker import check
from tests.chaos.checks_calls import repeated_calls
from tests.chaos.evidence import Evidence
from tests.chaos.invariants import Invariant
from tests.unit.chaos import broken_answers, broken_positions, broken_retries, broken_rows
from tests.unit.chaos.broken_runs import Break
from tests.unit.chaos.changes import message_of, with_calls, with_message, with_message_fields
from tests.unit.chaos.good_run import AFTER_OVERLOADS, AT_ONCE, CACHED, REPEATED_CALLS, good_run
from tests.unit.chaos.loop import LIMITS

BROKEN = [broken for each in (broken_rows, broken_retries, broken_answers, broken_positions) for broken in each.breaks.all]

LIMITS_OF_RUN = replace(LIMITS, repeats_allowed=REPEATED_CALLS)


def found(run: Evidence) -> set[str]:
    return {violation.invariant for violation in check(run, LIMITS_OF_RUN)}


def test_a_good_run_breaks_nothing() -> None:
    assert check(good_run(), LIMITS_OF_RUN) == []


@pytest.mark.parametrize(("invariant", "change"), [pytest.param(*rest, id=sentence) for sentence, *rest in BROKEN])
def test_is_found_where(invariant: Invariant, change: Break) -> None:
    assert invariant in found(change(good_run()))


def test_every_invariant_has_a_run_that_breaks_it() -> None:
    assert {invariant for _, invariant, _ in BROKEN} == set(Invariant)


def test_repeated_calls_are_counted() -> None:
    assert repeated_calls(good_run()) == REPEATED_CALLS
    assert repeated_calls(with_calls(good_run(), AT_ONCE, lambda call: (call, call, call))) == REPEATED_CALLS + 2


def test_a_call_that_found_the_model_away_is_no_repetition() -> None:
    away = with_calls(good_run(), AT_ONCE, lambda call: (replace(call, outcome="model_missing", answer=None), call))
    assert check(away, LIMITS_OF_RUN) == []


def test_a_retry_may_seem_early_by_what_clocks_differ() -> None:
    message = message_of(good_run(), topics.PENDING, AFTER_OVERLOADS, 1)
    earlier = message.timestamp - timedelta(milliseconds=40)
    assert check(with_message_fields(good_run(), topics.PENDING, AFTER_OVERLOADS, 1, timestamp=earlier), LIMITS_OF_RUN) == []


@pytest.mark.parametrize(
    ("topic", "text", "number"),
    [
        (topics.PENDING, AFTER_OVERLOADS, 1),
        (topics.SUCCESS, AT_ONCE, 0),
        (topics.OVERLOAD, AFTER_OVERLOADS, 0),
        (topics.VALIDATED, CACHED, 0),
    ],
)
def test_a_message_may_be_there_twice(topic: str, text: str, number: int) -> None:
    assert check(with_message(good_run(), topic, message_of(good_run(), topic, text, number)), LIMITS_OF_RUN) == []


def test_an_emptied_cache_breaks_nothing() -> None:
    assert check(replace(good_run(), cache={}), LIMITS_OF_RUN) == []
