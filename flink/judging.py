"""From raw records to scores: reads a batch, scores what can be scored, says what is wrong with the rest. Pure but for the scorer."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import msgspec

from flink.routing import has_reference
from streaming.contracts import INVALID_MESSAGE, UNSCORABLE, Response, decode
from streaming.errors import InvalidMessage, UnscorablePair
from streaming.scoring.pair import Pair
from streaming.scoring.scorer import Scorer

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# How far a score may lie outside its scorer's range, by rounding.
_ROUNDING = 0.01


class Judged(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of one record: a score; neither score nor cause (no reference); or the cause and reason of its refusal."""

    submission_id: str | None
    event_time_ms: int
    judged_at: datetime
    score: float | None = None
    scorer: str | None = None
    cause: str | None = None
    reason: str = ""


def judge(values: Sequence[bytes | None], scorer: Scorer, now: datetime) -> list[Judged]:
    """One judgement for each record's value, in order; one inference for all pairs together."""
    read = [_read(value) for value in values]
    pairs = {
        position: Pair(message.llm_response, message.original_answer or "")
        for position, message in enumerate(read)
        if isinstance(message, Response) and _to_be_scored(message)
    }
    scores = dict(zip(pairs, scorer.score(list(pairs.values())), strict=True)) if pairs else {}
    return [_judged(message, _in_range(scores.get(position), scorer), scorer.name, now) for position, message in enumerate(read)]


def _in_range(score: float | UnscorablePair | None, scorer: Scorer) -> float | UnscorablePair | None:
    """The score, unless it is none of this scorer's, or no number: nobody downstream could read it."""
    low, high = scorer.range
    if isinstance(score, float) and not low - _ROUNDING <= score <= high + _ROUNDING:
        return UnscorablePair(f"{scorer.name} gives {score} {scorer.unit}, outside of its range from {low:g} to {high:g}")
    return score


def _read(value: bytes | None) -> Response | InvalidMessage:
    try:
        return decode(Response, value)
    except InvalidMessage as err:
        return err


def _to_be_scored(message: Response) -> bool:
    """A blank answer is refused by the scorer, reference or not: nobody wants it accepted unscored."""
    return has_reference(message) or not message.llm_response.strip()


def _judged(message: Response | InvalidMessage, score: float | UnscorablePair | None, scorer: str, now: datetime) -> Judged:
    if isinstance(message, InvalidMessage):
        return Judged(submission_id=None, event_time_ms=_milliseconds(now), judged_at=now, cause=INVALID_MESSAGE, reason=str(message))
    # A clock that is ahead, or a message made by hand, has no time in the future.
    event_time_ms = _milliseconds(min(message.timestamp, now))
    submission = str(message.submission_id)
    if isinstance(score, UnscorablePair):
        return Judged(submission_id=submission, event_time_ms=event_time_ms, judged_at=now, cause=UNSCORABLE, reason=str(score))
    if score is None:
        return Judged(submission_id=submission, event_time_ms=event_time_ms, judged_at=now)
    return Judged(submission_id=submission, event_time_ms=event_time_ms, judged_at=now, score=score, scorer=scorer)


def _milliseconds(moment: datetime) -> int:
    return (moment - _EPOCH) // timedelta(milliseconds=1)
