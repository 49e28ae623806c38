"""What a message does to the stored state. Pure: message in, rows out."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from streaming.contracts import (
    BEST_ATTEMPT,
    Attempt,
    BestAttempt,
    Fatal,
    Overload,
    Quota,
    Retries,
    Retryable,
    Scored,
    Validated,
)
from streaming.retry_policy import RULES

Outcome = Retryable | Fatal | Scored | Validated

# Declared by the retry consumers: no model call of their own stands behind these.
WITHOUT_ATTEMPT = tuple(rule.exhausted_as for rule in RULES.values() if rule.exhausted_as is not None)


class QuestionRow(NamedTuple):
    """The question of a message made by hand, which nobody claimed."""

    question_id: UUID
    submission_id: UUID
    question_text: str
    original_answer: str | None
    run_id: str | None
    model: str | None
    created_at: datetime
    submitted_at: datetime
    enqueued_at: datetime


class AttemptRow(NamedTuple):
    """One model call of a submission, in the order of the columns of `attempts`."""

    submission_id: UUID
    retry_count: int
    question_id: UUID
    run_id: str | None
    outcome: str
    error_type: str | None
    error_kind: str | None
    error: str | None
    bert_score: float | None
    scorer: str | None
    llm_response: str | None
    model: str | None
    response_time_ms: float | None
    tokens: int | None
    prompt_tokens: int | None
    truncated: bool
    retry_after_s: float | None
    waited_ms: float
    error_pickup_ms: float | None
    enqueued_at: datetime | None
    llm_started_at: datetime | None
    llm_finished_at: datetime | None
    scored_at: datetime | None


class AnswerRow(NamedTuple):
    """The answer of a submission, in the order of the columns of `answers`."""

    question_id: UUID
    submission_id: UUID
    llm_response: str
    bert_score: float | None
    first_score: float | None
    processing_attempts: int
    total_processing_time_ms: float
    accepted_as: str
    accepted_retry_count: int
    model: str | None
    scorer: str | None
    retries_overload: int
    retries_quota: int
    retries_quality: int
    waited_ms: float
    scored_at: datetime | None


class FailureRow(NamedTuple):
    """The failure of a submission, in the order of the columns of `failed_questions`."""

    question_id: UUID
    submission_id: UUID
    retry_count: int
    cause: str
    last_error: str
    last_attempt_timestamp: datetime
    run_id: str | None
    retries_overload: int
    retries_quota: int
    retries_quality: int


@dataclass(frozen=True)
class Fallen:
    """A submission that ended with an error: a failure, unless one of its attempts was scored."""

    failure: FailureRow
    best: BestAttempt | None
    first_score: float | None
    total_processing_time_ms: float
    waited_ms: float


@dataclass(frozen=True)
class Effects:
    """The question to create if it is unknown, the attempt to record, and how the submission ends, if it does."""

    question: QuestionRow
    attempt: AttemptRow | None
    ending: AnswerRow | Fallen | None


def effects(message: Outcome) -> Effects:
    """What this message does, once."""
    question = _question(message)
    match message:
        case Validated():
            # A best attempt was recorded when it came through low-quality-responses.
            attempt = None if message.accepted_as == BEST_ATTEMPT else _scored_attempt(message)
            return Effects(question, attempt, _answer(message))
        case Scored():
            return Effects(question, _scored_attempt(message), None)
        case Overload():
            retry_after = message.retry_after_seconds
            return Effects(question, _error_attempt(message, "overload", message.error_type, message.error_message, retry_after), None)
        case Quota():
            retry_after = message.retry_after_seconds
            return Effects(question, _error_attempt(message, "quota", message.error_type, message.error_message, retry_after), None)
        case Fatal():
            made_a_call = message.error_type not in WITHOUT_ATTEMPT
            attempt = _error_attempt(message, "fatal", message.error_type, message.error_message, None) if made_a_call else None
            return Effects(question, attempt, _fallen(message))


def settled(fallen: Fallen, recorded: BestAttempt | None, recorded_first_score: float | None) -> AnswerRow | FailureRow:
    """The better of the scored attempts in the message and in the table becomes the answer; without any, it is a failure."""
    known = [attempt for attempt in (fallen.best, recorded) if attempt is not None]
    if not known:
        return fallen.failure
    best = max(known, key=lambda attempt: attempt.bert_score)
    failure = fallen.failure
    return AnswerRow(
        question_id=failure.question_id,
        submission_id=failure.submission_id,
        llm_response=best.llm_response,
        bert_score=best.bert_score,
        first_score=fallen.first_score if fallen.first_score is not None else recorded_first_score,
        processing_attempts=failure.retry_count + 1,
        total_processing_time_ms=fallen.total_processing_time_ms,
        accepted_as=BEST_ATTEMPT,
        accepted_retry_count=best.retry_count,
        model=best.model,
        scorer=best.scorer,
        retries_overload=failure.retries_overload,
        retries_quota=failure.retries_quota,
        retries_quality=failure.retries_quality,
        waited_ms=fallen.waited_ms,
        scored_at=None,
    )


def first_endings(all_effects: list[Effects]) -> list[Effects]:
    """Without the later endings of a submission that ends more than once in the batch: the first counts."""
    seen: set[tuple[UUID, UUID]] = set()
    kept = []
    for each in all_effects:
        key = (each.question.question_id, each.question.submission_id)
        kept.append(replace(each, ending=None) if each.ending is not None and key in seen else each)
        if each.ending is not None:
            seen.add(key)
    return kept


def _question(message: Outcome) -> QuestionRow:
    return QuestionRow(
        question_id=message.question_id,
        submission_id=message.submission_id,
        question_text=message.question_text,
        original_answer=message.original_answer,
        run_id=message.run_id,
        model=message.requested_model,
        created_at=message.created_at,
        submitted_at=message.submitted_at,
        enqueued_at=message.enqueued_at or message.timestamp,
    )


def _scored_attempt(message: Scored) -> AttemptRow:
    return AttemptRow(
        retry_count=message.retry_count,
        outcome="success",
        error_type=None,
        error_kind=None,
        error=None,
        bert_score=message.bert_score,
        scorer=message.scorer,
        llm_response=message.llm_response,
        retry_after_s=None,
        scored_at=message.scored_at,
        **_call(message),
    )


def _error_attempt(message: Retryable | Fatal, outcome: str, error_type: str, error: str, retry_after_s: float | None) -> AttemptRow:
    return AttemptRow(
        retry_count=message.retry_count,
        outcome=outcome,
        error_type=error_type,
        error_kind=message.error_kind if isinstance(message, Overload) else None,
        error=error,
        bert_score=None,
        scorer=None,
        llm_response=None,
        retry_after_s=retry_after_s,
        scored_at=None,
        **_call(message),
    )


def _call(message: Attempt) -> dict[str, Any]:
    return {
        "submission_id": message.submission_id,
        "question_id": message.question_id,
        "run_id": message.run_id,
        "model": message.model,
        "response_time_ms": message.response_time_ms,
        "tokens": message.tokens,
        "prompt_tokens": message.prompt_tokens,
        "truncated": message.truncated,
        "waited_ms": message.waited_ms,
        "error_pickup_ms": message.error_pickup_ms,
        "enqueued_at": message.enqueued_at,
        "llm_started_at": message.llm_started_at,
        "llm_finished_at": message.llm_finished_at,
    }


def _answer(message: Validated) -> AnswerRow:
    retries = message.retries or Retries()
    only_one = message.processing_attempts == 1
    accepted = message.accepted_retry_count
    return AnswerRow(
        question_id=message.question_id,
        submission_id=message.submission_id,
        llm_response=message.llm_response,
        bert_score=message.bert_score,
        first_score=message.bert_score if message.first_score is None and only_one else message.first_score,
        processing_attempts=message.processing_attempts,
        total_processing_time_ms=message.total_processing_time_ms,
        accepted_as=message.accepted_as,
        accepted_retry_count=message.retry_count if accepted is None else accepted,
        model=message.model,
        scorer=message.scorer,
        retries_overload=retries.overload,
        retries_quota=retries.quota,
        retries_quality=retries.quality,
        waited_ms=message.waited_ms,
        scored_at=message.scored_at,
    )


def _fallen(message: Fatal) -> Fallen:
    retries = message.retries or Retries()
    failure = FailureRow(
        question_id=message.question_id,
        submission_id=message.submission_id,
        retry_count=message.retry_count,
        cause=message.error_type,
        last_error=message.error_message,
        last_attempt_timestamp=message.llm_finished_at or message.timestamp,
        run_id=message.run_id,
        retries_overload=retries.overload,
        retries_quota=retries.quota,
        retries_quality=retries.quality,
    )
    took_ms = (message.timestamp - message.submitted_at).total_seconds() * 1000
    return Fallen(failure, message.best_attempt, message.first_score, max(0.0, took_ms), message.waited_ms)
