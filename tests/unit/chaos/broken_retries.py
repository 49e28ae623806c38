"""Attempts that were one too many, without a reason, or too early."""

from dataclasses import replace
from datetime import timedelta

import msgspec

from streaming import contracts, topics
from streaming.contracts import Retries
from tests.chaos.evidence import Evidence
from tests.chaos.invariants import Invariant
from tests.unit.chaos.broken_runs import Break, BrokenRuns
from tests.unit.chaos.changes import (
    is_about,
    message_of,
    row_of,
    with_fields,
    with_message,
    with_message_fields,
    with_records,
    with_row,
    without_messages,
)
from tests.unit.chaos.good_run import (
    AFTER_OVERLOADS,
    AFTER_QUOTA,
    AT_ONCE,
    BEST_OF_POOR,
    EXHAUSTED,
    OUT_OF_QUOTA,
    REFUSED_BY_MODEL,
    UNSCORED,
)

EARLY = timedelta(milliseconds=60)
breaks = BrokenRuns()


def _once_more(text: str, last: int) -> Break:
    """The question goes back to the model after its last attempt."""

    def change(run: Evidence) -> Evidence:
        later = timedelta(hours=1)
        message = message_of(run, topics.PENDING, text, last)
        again = msgspec.structs.replace(message, retry_count=last + 1, timestamp=message.timestamp + later)
        return with_message(run, topics.PENDING, again)

    return change


breaks("an overload has a fourth retry", Invariant.RETRY_LIMITS)(_once_more(EXHAUSTED, 3))
breaks("a poor answer has a fourth retry", Invariant.RETRY_LIMITS)(_once_more(BEST_OF_POOR, 3))
breaks("a quota has a sixth retry", Invariant.RETRY_LIMITS)(_once_more(OUT_OF_QUOTA, 5))
breaks("a good answer is followed by another attempt", Invariant.RETRY_CAUSES)(_once_more(AT_ONCE, 0))
breaks("an answer without a score is followed by another attempt", Invariant.RETRY_CAUSES)(_once_more(UNSCORED, 0))
breaks("what the model refused goes back to it", Invariant.RETRY_CAUSES)(_once_more(REFUSED_BY_MODEL, 0))


@breaks("there is a row of a fourth retry after overloads", Invariant.RETRY_LIMITS)
def _(run: Evidence) -> Evidence:
    return with_row(run, "attempts", row_of(run, "attempts", EXHAUSTED, retry_count=3) | {"retry_count": 4})


@breaks("a question comes back without its retries counted", Invariant.RETRY_LIMITS)
def _(run: Evidence) -> Evidence:
    return with_message_fields(run, topics.PENDING, AFTER_OVERLOADS, 2, retries=Retries(overload=1))


@breaks("a retry has no error before it", Invariant.RETRY_CAUSES)
def _(run: Evidence) -> Evidence:
    return without_messages(run, topics.OVERLOAD, AFTER_OVERLOADS, 0)


@breaks("an answer is called poor that reaches the threshold", Invariant.RETRY_CAUSES)
def _(run: Evidence) -> Evidence:
    return with_message_fields(run, topics.LOW_QUALITY, BEST_OF_POOR, 0, bert_score=0.75)


def _early_message(text: str, number: int) -> Break:
    def change(run: Evidence) -> Evidence:
        message = message_of(run, topics.PENDING, text, number)
        return with_message_fields(run, topics.PENDING, text, number, timestamp=message.timestamp - EARLY)

    return change


def _early_record(text: str, number: int) -> Break:
    milliseconds = EARLY // timedelta(milliseconds=1)
    return lambda run: with_records(
        run, topics.PENDING, lambda each: replace(each, timestamp_ms=each.timestamp_ms - milliseconds), is_about(text, number)
    )


breaks("a retry after an overload goes out 60 ms early", Invariant.NEVER_EARLY)(_early_message(AFTER_OVERLOADS, 1))
breaks("a retry after a Retry-After goes out 60 ms early", Invariant.NEVER_EARLY)(_early_message(AFTER_OVERLOADS, 2))
breaks("a retry after a quota goes out 60 ms early", Invariant.NEVER_EARLY)(_early_message(AFTER_QUOTA, 1))
breaks("a retry lies in Kafka 60 ms early", Invariant.NEVER_EARLY)(_early_record(AFTER_OVERLOADS, 1))


@breaks("the call of a retry begins before it is due", Invariant.NEVER_EARLY)
def _(run: Evidence) -> Evidence:
    row = row_of(run, "attempts", AFTER_QUOTA, retry_count=1)
    return with_fields(run, "attempts", AFTER_QUOTA, {"llm_started_at": row["llm_started_at"] - timedelta(seconds=2)}, retry_count=1)


@breaks("a submission gives up after its first overload", Invariant.NOT_GIVEN_UP_EARLY)
def _(run: Evidence) -> Evidence:
    return with_message_fields(run, topics.FATAL, REFUSED_BY_MODEL, 0, error_type=contracts.OVERLOAD_EXHAUSTED)


@breaks("a submission is out of overload tries at its second", Invariant.NOT_GIVEN_UP_EARLY)
def _(run: Evidence) -> Evidence:
    return with_message_fields(run, topics.FATAL, EXHAUSTED, 3, retry_count=1)


@breaks("a submission is out of quota tries at its fourth", Invariant.NOT_GIVEN_UP_EARLY)
def _(run: Evidence) -> Evidence:
    return with_message_fields(run, topics.FATAL, OUT_OF_QUOTA, 5, retry_count=3)


@breaks("a submission settles for its best attempt with a try left", Invariant.NOT_GIVEN_UP_EARLY)
def _(run: Evidence) -> Evidence:
    return with_message_fields(run, topics.VALIDATED, BEST_OF_POOR, 3, processing_attempts=3)
