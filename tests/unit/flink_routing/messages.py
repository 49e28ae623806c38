"""Messages for these tests: complete ones, with what matters to a test as arguments."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from flink.routing import Rules, Verdict
from streaming.contracts import BestAttempt, Response, Retries
from streaming.retry_policy import Budget

SUBMITTED = datetime(2026, 1, 1, 12, 0, tzinfo=UTC)
NOW = SUBMITTED + timedelta(seconds=30)
QUESTION = UUID("966e6a2b-590c-549e-bf1b-d05965eb3afe")
SUBMISSION = UUID("c5e3dfe3-7b07-5289-97ea-21db6e736f02")
SHARED = Rules(threshold=0.75, budget=Budget.SHARED)
PER_CAUSE = Rules(threshold=0.75, budget=Budget.PER_CAUSE)


def response(retry_count: int = 0, text: str = "an answer", **fields: Any) -> Response:
    return Response(
        **{
            "question_id": QUESTION,
            "submission_id": SUBMISSION,
            "question_text": "Why is the sky blue?",
            "original_answer": "Air scatters blue light more than red.",
            "retry_count": retry_count,
            "retries": Retries(quality=retry_count),
            "llm_response": f"{text} {retry_count}",
            "response_time_ms": 120.0,
            "model": f"model-{retry_count}",
            "tokens": 7,
            "llm_started_at": SUBMITTED + timedelta(seconds=10),
            "llm_finished_at": SUBMITTED + timedelta(seconds=20),
            "submitted_at": SUBMITTED,
            "enqueued_at": SUBMITTED + timedelta(seconds=1),
            "timestamp": SUBMITTED + timedelta(seconds=20),
            **fields,
        }
    )


def scored(score: float | None) -> Verdict:
    return Verdict(score, None if score is None else "scorer-1", SUBMITTED + timedelta(seconds=25))


def attempt(score: float, retry_count: int, text: str = "an earlier answer") -> BestAttempt:
    return BestAttempt(llm_response=text, bert_score=score, retry_count=retry_count, model="model-x", scorer="scorer-x")
