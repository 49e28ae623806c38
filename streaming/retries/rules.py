"""What each retry consumer makes of an error: when to ask again, and when to give up. Pure."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from streaming import contracts, retry_policy, topics
from streaming.contracts import Fatal, Overload, Question, Quota
from streaming.retry_policy import Again, Cause, Exhausted

Error = Overload | Quota


@dataclass(frozen=True)
class Rule:
    """One kind of error: its message, its cause, its delay in seconds and the failure that it ends in."""

    service: str
    message: type[Overload] | type[Quota]
    cause: Cause
    delay_s: Callable[[Error], float]
    exhausted_as: str


def _overload_delay_s(error: Error) -> float:
    return retry_policy.overload_delay_s(error.retry_count, error.retries, error.retry_after_seconds)


def _quota_delay_s(error: Error) -> float:
    return retry_policy.quota_delay_s(error.retry_after_seconds)


OVERLOAD = Rule(topics.RETRY_OVERLOAD, Overload, Cause.OVERLOAD, _overload_delay_s, contracts.OVERLOAD_EXHAUSTED)
QUOTA = Rule(topics.RETRY_QUOTA, Quota, Cause.QUOTA, _quota_delay_s, contracts.QUOTA_EXHAUSTED)


def due(rule: Rule, error: Error, now: datetime) -> datetime:
    """When to ask again, the same after a restart."""
    return retry_policy.due_at(error.timestamp, now, rule.delay_s(error), error.submission_id, error.retry_count)


def question_again(error: Error, again: Again, taken_at: datetime, now: datetime) -> Question:
    """The question as it goes back to the model now. `taken_at`: when the error came out of its topic."""
    waited_ms = max((now - error.timestamp).total_seconds() * 1000, 0.0)
    pickup_ms = max((taken_at - error.timestamp).total_seconds() * 1000, 0.0)
    fields = error.carried() | {
        "waited_ms": error.waited_ms + waited_ms,
        "error_pickup_ms": pickup_ms,
        "enqueued_at": now,
        "retries": again.retries,
    }
    return Question(**fields, retry_count=again.retry_count, timestamp=now)


def failure(rule: Rule, error: Error, exhausted: Exhausted, now: datetime) -> Fatal:
    """The end of a submission whose tries are used up."""
    return Fatal(
        **error.carried(),
        **error.call(),
        retry_count=error.retry_count,
        error_type=rule.exhausted_as,
        error_message=f"{exhausted.used} of {exhausted.limit} retries are used up; the last error: {error.error_message or rule.cause}",
        timestamp=now,
    )
