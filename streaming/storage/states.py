"""What is known of a question, and the body that tells it over HTTP."""

import hashlib
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

POLL_AFTER_MS = 250


class Answered(msgspec.Struct, frozen=True, kw_only=True):
    """A stored answer. This is also what the cache holds."""

    question_id: UUID
    submission_id: UUID
    answer: str
    bert_score: float | None
    first_score: float | None
    accepted_as: str
    accepted_retry_count: int
    processing_attempts: int
    total_processing_time_ms: float
    model: str | None
    scorer: str | None
    reference_hash: str | None
    resolved_at: datetime | None = None


class Failed(msgspec.Struct, frozen=True, kw_only=True):
    """No attempt of the newest submission gave a scored answer."""

    question_id: UUID
    submission_id: UUID
    cause: str
    message: str
    retry_count: int
    reference_hash: str | None
    resolved_at: datetime | None = None


class Pending(msgspec.Struct, frozen=True, kw_only=True):
    """On its way."""

    question_id: UUID
    submission_id: UUID
    reference_hash: str | None


State = Answered | Failed | Pending


def reference_hash(original_answer: str | None) -> str | None:
    """Tells reference answers apart; None for a missing or blank one."""
    if original_answer is None or not original_answer.strip():
        return None
    return hashlib.sha256(original_answer.encode()).hexdigest()


def state_of(row: dict[str, Any]) -> State:
    """The state in a row of `repository.READ`."""
    reference = reference_hash(row["original_answer"])
    match row["status"]:
        case "answered":
            return Answered(
                reference_hash=reference, **{name: row[name] for name in Answered.__struct_fields__ if name != "reference_hash"}
            )
        case "failed":
            return Failed(
                question_id=row["question_id"],
                submission_id=row["submission_id"],
                cause=row["cause"],
                message=row["last_error"],
                retry_count=row["failed_retry_count"],
                resolved_at=row["resolved_at"],
                reference_hash=reference,
            )
        case _:
            return Pending(question_id=row["question_id"], submission_id=row["submission_id"], reference_hash=reference)


def body(state: State, source: str) -> dict[str, Any]:
    """The reply for a state; `source` is "cache" or "database"."""
    match state:
        case Answered():
            fields = msgspec.structs.asdict(state)
            del fields["reference_hash"]
            return {"status": "found", "source": source, **fields}
        case Failed():
            error = {"cause": state.cause, "message": state.message, "retry_count": state.retry_count}
            ids = {"question_id": state.question_id, "submission_id": state.submission_id}
            return {"status": "error", **ids, "error": error, "resolved_at": state.resolved_at}
        case Pending():
            return {
                "status": "pending",
                "question_id": state.question_id,
                "submission_id": state.submission_id,
                "poll_after_ms": POLL_AFTER_MS,
            }
