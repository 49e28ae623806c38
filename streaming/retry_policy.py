"""When a question is asked again, how often and how much later. Pure: everything it knows is handed in."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from streaming import contracts, topics
from streaming.contracts import Retries


class Cause(StrEnum):
    """Why a submission goes back to the model."""

    OVERLOAD = contracts.OVERLOAD
    QUOTA = contracts.QUOTA
    QUALITY = "quality"


class Budget(StrEnum):
    """What is compared with a cause's limit: all retries so far, or those of that cause alone."""

    SHARED = "shared"
    PER_CAUSE = "per_cause"


MAX_OVERLOAD_RETRY_AFTER_S = 300.0
DEFAULT_QUOTA_RETRY_AFTER_S = 60.0
JITTER = 0.25


def overload_delay_s(retry_count: int, retries: Retries | None, retry_after_s: float | None) -> float:
    """2, 4, 8 s for the first, second and third overload; never before the Retry-After that came with it (up to 300 s)."""
    so_far = retry_count if retries is None else retries.overload
    backoff = float(2 ** min(so_far + 1, 10))
    return max(backoff, min(retry_after_s or 0.0, MAX_OVERLOAD_RETRY_AFTER_S))


def quota_delay_s(retry_after_s: float | None) -> float:
    """The Retry-After of the quota error, 60 s by default, clamped to 1..3600 s."""
    return min(max(DEFAULT_QUOTA_RETRY_AFTER_S if retry_after_s is None else retry_after_s, 1.0), 3600.0)


@dataclass(frozen=True)
class Rule:
    """What follows from a cause: at most `limit` retries, each `delay_s` seconds later, by retry_count, retries and Retry-After.

    `topic`: where its messages are; `exhausted_as`: the failure that it ends in, None where the best of the answers is taken.
    """

    limit: int
    topic: str
    exhausted_as: str | None
    delay_s: Callable[[int, Retries | None, float | None], float]


RULES = {
    Cause.OVERLOAD: Rule(3, topics.OVERLOAD, contracts.OVERLOAD_EXHAUSTED, overload_delay_s),
    Cause.QUOTA: Rule(5, topics.QUOTA, contracts.QUOTA_EXHAUSTED, lambda _count, _retries, retry_after_s: quota_delay_s(retry_after_s)),
    Cause.QUALITY: Rule(3, topics.LOW_QUALITY, None, lambda _count, _retries, _retry_after_s: 0.0),
}
CEILINGS = {Budget.SHARED: max(rule.limit for rule in RULES.values()), Budget.PER_CAUSE: sum(rule.limit for rule in RULES.values())}


@dataclass(frozen=True)
class Again:
    """Ask again, with these counts."""

    retry_count: int
    retries: Retries


@dataclass(frozen=True)
class Exhausted:
    """No further attempt: `used` retries have reached `limit`."""

    used: int
    limit: int


def next_step(budget: Budget, cause: Cause, retry_count: int, retries: Retries | None) -> Again | Exhausted:
    """What follows when the attempt numbered `retry_count` must be repeated for `cause`.

    `retries` None (a message made by hand): `retry_count` counts for the cause at hand.
    """
    counts = retries if retries is not None else _all_for(cause, retry_count)
    used = retry_count if budget is Budget.SHARED else _count(counts, cause)
    if used >= RULES[cause].limit:
        return Exhausted(used, RULES[cause].limit)
    return Again(retry_count + 1, _incremented(counts, cause))


def within_ceiling(budget: Budget, retry_count: int) -> bool:
    """Whether an attempt with this number can exist at all."""
    return 0 <= retry_count <= CEILINGS[budget]


def due_at(failed_at: datetime, now: datetime, delay_s: float, submission_id: UUID, retry_count: int) -> datetime:
    """The moment to ask again: at least `delay_s` and at most 25 % more after the error.

    The jitter comes from the attempt's identity, so that a restart computes the same moment; a timestamp from the future counts as now.
    """
    digest = hashlib.blake2b(f"{submission_id}:{retry_count}".encode(), digest_size=8).digest()
    jitter = JITTER * int.from_bytes(digest) / 2**64
    return min(failed_at, now) + timedelta(seconds=delay_s * (1 + jitter))


def _count(retries: Retries, cause: Cause) -> int:
    match cause:
        case Cause.OVERLOAD:
            return retries.overload
        case Cause.QUOTA:
            return retries.quota
        case Cause.QUALITY:
            return retries.quality


def _all_for(cause: Cause, count: int) -> Retries:
    return Retries(**{cause.value: count})


def _incremented(retries: Retries, cause: Cause) -> Retries:
    counts = {each.value: _count(retries, each) for each in Cause}
    counts[cause.value] += 1
    return Retries(**counts)
