"""From raw records to scores: reads a batch, scores what can be scored, says what is wrong with the rest. Pure but for the scorer."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Protocol

import msgspec

from flink.routing import has_reference
from streaming.contracts import INVALID_MESSAGE, UNSCORABLE, Response, decode
from streaming.errors import InvalidMessage, UnscorablePair
from streaming.scoring.pair import Pair

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Scores(Protocol):
    """What judging needs of a scorer."""

    @property
    def identity(self) -> str:
        """What is recorded beside each score."""

    def score(self, pairs: Sequence[Pair]) -> list[float | UnscorablePair]:
        """F1 of each pair, or why it has none. Raises what is not the pair's fault."""


class Judged(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of one record: a score; neither score nor cause (no reference); or the cause and reason of its refusal."""

    submission_id: str | None
    event_time_ms: int
    judged_at: datetime
    score: float | None = None
    scorer: str | None = None
    cause: str | None = None
    reason: str = ""


def judge(values: Sequence[bytes | None], scorer: Scores, now: datetime) -> list[Judged]:
    """One judgement for each record's value, in order; one inference for all pairs together."""
    read = [_read(value) for value in values]
    pairs = {
        position: Pair(message.llm_response, message.original_answer or "")
        for position, message in enumerate(read)
        if isinstance(message, Response) and _to_be_scored(message)
    }
    scores = dict(zip(pairs, scorer.score(list(pairs.values())), strict=True)) if pairs else {}
    return [_judged(message, scores.get(position), scorer.identity, now) for position, message in enumerate(read)]


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
