"""What each retry consumer makes of an error: when to ask again, and when to give up. Pure."""

from dataclasses import dataclass
from datetime import datetime

from streaming import retry_policy, topics
from streaming.contracts import Fatal, Overload, Question, Quota, Retryable
from streaming.retry_policy import RULES, Again, Cause, Exhausted


@dataclass(frozen=True)
class Rule:
    """One kind of error: who asks again after it, its message and its cause, of which `retry_policy.RULES` says the rest."""

    service: str
    message: type[Retryable]
    cause: Cause

    def delay_s(self, error: Retryable) -> float:
        """How much later to ask again."""
        return RULES[self.cause].delay_s(error.retry_count, error.retries, error.retry_after_seconds)

    @property
    def exhausted_as(self) -> str:
        """The failure that it ends in."""
        failure = RULES[self.cause].exhausted_as
        assert failure is not None
        return failure


OVERLOAD = Rule(topics.RETRY_OVERLOAD, Overload, Cause.OVERLOAD)
QUOTA = Rule(topics.RETRY_QUOTA, Quota, Cause.QUOTA)


def due(rule: Rule, error: Retryable, now: datetime) -> datetime:
    """When to ask again, the same after a restart."""
    return retry_policy.due_at(error.timestamp, now, rule.delay_s(error), error.submission_id, error.retry_count)


def question_again(error: Retryable, again: Again, taken_at: datetime, now: datetime) -> Question:
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


def failure(rule: Rule, error: Retryable, exhausted: Exhausted, now: datetime) -> Fatal:
    """The end of a submission whose tries are used up."""
    return Fatal(
        **error.carried(),
        **error.call(),
        retry_count=error.retry_count,
        error_type=rule.exhausted_as,
        error_message=f"{exhausted.used} of {exhausted.limit} retries are used up; the last error: {error.error_message or rule.cause}",
        timestamp=now,
    )
