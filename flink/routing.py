"""What follows from a score: which messages go where, and what is remembered of the submission. Pure."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec

from streaming import topics
from streaming.contracts import (
    BEST_ATTEMPT,
    PASSED,
    UNSCORABLE,
    UNSCORED,
    BestAttempt,
    Fatal,
    Message,
    Question,
    Response,
    Scored,
    Validated,
)
from streaming.retry_policy import Again, Budget, Cause, next_step


@dataclass(frozen=True)
class Rules:
    """What a score is measured by."""

    threshold: float
    budget: Budget


class Remembered(msgspec.Struct, frozen=True):
    """What the job keeps of a submission: which attempts it has decided on, the best while it may still be needed, the first score."""

    attempts: tuple[int, ...] = ()
    best: BestAttempt | None = None
    first_score: float | None = None
    finished: bool = False

    def has(self, retry_count: int) -> bool:
        return retry_count in self.attempts

    def is_past(self, retry_count: int) -> bool:
        """Whether a later attempt has been decided on already."""
        return any(attempt > retry_count for attempt in self.attempts)


@dataclass(frozen=True)
class Verdict:
    """What the scorer found: a score and who gave it; neither without a reference to score against."""

    score: float | None
    scorer: str | None
    scored_at: datetime


@dataclass(frozen=True)
class Outcome:
    """Messages to send, by topic, and what to remember."""

    messages: tuple[tuple[str, Message], ...]
    remembered: Remembered


def has_reference(response: Response) -> bool:
    """Whether there is anything to score the answer against."""
    return bool(response.original_answer and response.original_answer.strip())


def decide(response: Response, verdict: Verdict, remembered: Remembered, rules: Rules, now: datetime) -> Outcome:
    """What follows from an attempt that has been judged. An attempt decided on before, or one of a submission that has
    ended, changes nothing and sends nothing."""
    if remembered.finished or remembered.has(response.retry_count):
        return Outcome((), remembered)
    if verdict.score is None:
        return _accept_unscored(response, verdict, remembered, now)
    attempt = BestAttempt(
        llm_response=response.llm_response,
        bert_score=verdict.score,
        retry_count=response.retry_count,
        model=response.model,
        scorer=verdict.scorer,
    )
    best = _better(attempt, _better(remembered.best, response.best_attempt))
    first = _first_score(response, verdict.score, remembered)
    progress = {"best_attempt": best, "first_score": first}
    if verdict.score >= rules.threshold:
        passed = _validated(response, verdict, attempt, PASSED, progress, now)
        return Outcome(((topics.VALIDATED, passed),), _finished(remembered, response, first))
    low = (topics.LOW_QUALITY, Scored(**_scored(response, verdict, now) | _text_and_score(response, verdict) | progress))
    if remembered.is_past(response.retry_count):
        return Outcome((low,), Remembered(_attempts(remembered, response), best, first))
    match next_step(rules.budget, Cause.QUALITY, response.retry_count, response.retries):
        case Again() as again:
            question = _question(response, again, progress, now)
            return Outcome((low, (topics.PENDING, question)), Remembered(_attempts(remembered, response), best, first))
        case _:
            accepted = _validated(response, verdict, best, BEST_ATTEMPT, progress, now)
            return Outcome((low, (topics.VALIDATED, accepted)), _finished(remembered, response, first))


def refuse(response: Response, reason: str, remembered: Remembered, now: datetime) -> Outcome:
    """What follows from an answer that cannot be scored, its dead letter aside. An earlier scored attempt goes along, to be accepted."""
    if remembered.finished or remembered.has(response.retry_count):
        return Outcome((), remembered)
    first = response.first_score if remembered.first_score is None else remembered.first_score
    fatal = Fatal(
        **response.carried()
        | response.call()
        | {
            "best_attempt": _better(remembered.best, response.best_attempt),
            "first_score": first,
            "retry_count": response.retry_count,
            "error_type": UNSCORABLE,
            "error_message": reason,
            "timestamp": now,
        }
    )
    return Outcome(((topics.FATAL, fatal),), _finished(remembered, response, first))


def _accept_unscored(response: Response, verdict: Verdict, remembered: Remembered, now: datetime) -> Outcome:
    fields = _scored(response, verdict, now) | _text_and_score(response, verdict)
    answer = Validated(**fields, accepted_as=UNSCORED, accepted_retry_count=response.retry_count)
    return Outcome(((topics.VALIDATED, answer),), _finished(remembered, response, remembered.first_score))


def _validated(
    response: Response, verdict: Verdict, accepted: BestAttempt, accepted_as: str, progress: dict[str, Any], now: datetime
) -> Validated:
    fields = _scored(response, verdict, now) | progress
    if accepted.retry_count != response.retry_count:
        # The times and sizes of this call say nothing about the text of another.
        fields |= dict.fromkeys(("llm_started_at", "llm_finished_at", "response_time_ms", "tokens", "prompt_tokens"))
        fields["truncated"] = False
    fields |= {
        "llm_response": accepted.llm_response,
        "bert_score": accepted.bert_score,
        "model": accepted.model,
        "scorer": accepted.scorer,
    }
    return Validated(**fields, accepted_as=accepted_as, accepted_retry_count=accepted.retry_count)


def _scored(response: Response, verdict: Verdict, now: datetime) -> dict[str, Any]:
    elapsed_ms = (now - response.submitted_at).total_seconds() * 1000
    return (
        response.carried()
        | response.call()
        | {
            "processing_attempts": response.retry_count + 1,
            "total_processing_time_ms": max(elapsed_ms, 0.0),
            "scored_at": verdict.scored_at,
            "timestamp": now,
        }
    )


def _text_and_score(response: Response, verdict: Verdict) -> dict[str, Any]:
    return {"llm_response": response.llm_response, "bert_score": verdict.score, "scorer": verdict.scorer}


def _question(response: Response, again: Again, progress: dict[str, Any], now: datetime) -> Question:
    fields = response.carried() | progress
    fields |= {"retry_count": again.retry_count, "retries": again.retries, "enqueued_at": now, "timestamp": now}
    fields["error_pickup_ms"] = None  # it follows no error
    return Question(**fields)


def _better(one: BestAttempt | None, other: BestAttempt | None) -> Any:
    """The one with the higher score; the earlier of two that are equal."""
    known = [attempt for attempt in (one, other) if attempt is not None]
    return max(known, key=lambda attempt: (attempt.bert_score, -attempt.retry_count), default=None)


def _first_score(response: Response, score: float, remembered: Remembered) -> float:
    for known in (remembered.first_score, response.first_score):
        if known is not None:
            return known
    return score if response.best_attempt is None else response.best_attempt.bert_score


def _attempts(remembered: Remembered, response: Response) -> tuple[int, ...]:
    return (*remembered.attempts, response.retry_count)


def _finished(remembered: Remembered, response: Response, first_score: float | None) -> Remembered:
    """The submission needs no best attempt any more; that it has ended stays known, so that no late duplicate starts anything."""
    return Remembered(_attempts(remembered, response), None, first_score, finished=True)
