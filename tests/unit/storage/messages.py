"""Messages of one submission, as the services write them."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from streaming.contracts import BestAttempt, Fatal, Overload, Quota, Retries, Scored, Validated

START = datetime(2026, 1, 1, 12, tzinfo=UTC)


class Submission:
    """Makes messages of one submission of one question."""

    def __init__(self, question_id: UUID | None = None, submission_id: UUID | None = None, run_id: str | None = "run") -> None:
        self.question_id = question_id or uuid4()
        self.submission_id = submission_id or uuid4()
        self.run_id = run_id

    def validated(self, score: float | None = 0.9, attempts: int = 1, **fields: Any) -> Validated:
        return Validated(**self._scored(score, attempts), **fields)

    def low_quality(self, score: float = 0.3, attempts: int = 1) -> Scored:
        return Scored(**self._scored(score, attempts))

    def overload(self, retry_count: int = 0, **fields: Any) -> Overload:
        return Overload(error_type="overload", error_message="busy", retry_count=retry_count, **self._carried(), **fields)

    def quota(self, retry_count: int = 0) -> Quota:
        return Quota(error_type="quota", retry_after_seconds=7.0, retry_count=retry_count, error_message="enough", **self._carried())

    def fatal(self, cause: str = "refused_by_model", retry_count: int = 0, best: BestAttempt | None = None, **fields: Any) -> Fatal:
        return Fatal(error_type=cause, error_message="no more", retry_count=retry_count, best_attempt=best, **self._carried(), **fields)

    def _carried(self) -> dict[str, Any]:
        return {
            "question_id": self.question_id,
            "submission_id": self.submission_id,
            "run_id": self.run_id,
            "question_text": f"question {self.question_id}",
            "original_answer": "because",
            "retries": Retries(overload=1, quality=2),
            "created_at": START,
            "submitted_at": START,
            "enqueued_at": START + timedelta(milliseconds=5),
            "timestamp": START + timedelta(seconds=2),
        }

    def _scored(self, score: float | None, attempts: int) -> dict[str, Any]:
        return {
            **self._carried(),
            "llm_response": f"answer {attempts}",
            "bert_score": score,
            "processing_attempts": attempts,
            "total_processing_time_ms": 1500.0,
            "model": "a-model",
            "scorer": "a-scorer",
            "response_time_ms": 300.0,
            "llm_started_at": START + timedelta(seconds=1),
            "llm_finished_at": START + timedelta(seconds=1.3),
            "scored_at": START + timedelta(seconds=1.5),
        }


def best_attempt(score: float = 0.6, retry_count: int = 1) -> BestAttempt:
    return BestAttempt(llm_response=f"best {retry_count}", bert_score=score, retry_count=retry_count, model="a-model", scorer="a-scorer")
