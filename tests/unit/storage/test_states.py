from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import msgspec
import pytest

from streaming.storage import schemas
from streaming.storage.states import Answered, Failed, Pending, body, reference_hash, state_of


def row(status: str) -> dict[str, Any]:
    return {
        "question_id": uuid4(),
        "submission_id": uuid4(),
        "status": status,
        "original_answer": "because",
        "answer": "yes" if status == "answered" else None,
        "bert_score": 0.8,
        "first_score": 0.4,
        "accepted_as": "passed",
        "accepted_retry_count": 1,
        "processing_attempts": 2,
        "total_processing_time_ms": 12.5,
        "model": "a-model",
        "scorer": "a-scorer",
        "cause": "model_missing",
        "last_error": "no such model",
        "failed_retry_count": 3,
        "resolved_at": datetime(2026, 1, 1, tzinfo=UTC),
    }


@pytest.mark.parametrize(("status", "schema"), [("answered", schemas.Found), ("pending", schemas.Pending), ("failed", schemas.Error)])
def test_every_body_is_as_the_documentation_says(status: str, schema: Any) -> None:
    told = body(state_of(row(status)), "database")
    assert schema.model_validate_json(msgspec.json.encode(told)).model_dump(exclude_unset=True).keys() == told.keys()


def test_an_answer_is_found_with_its_model_and_scores() -> None:
    told = body(state_of(row("answered")), "cache")
    assert {name: told[name] for name in ("status", "source", "answer", "model", "bert_score", "first_score")} == {
        "status": "found",
        "source": "cache",
        "answer": "yes",
        "model": "a-model",
        "bert_score": 0.8,
        "first_score": 0.4,
    }


def test_a_failure_names_the_submission_that_a_replay_needs() -> None:
    stored = row("failed")
    state = state_of(stored)
    assert isinstance(state, Failed)
    told = body(state, "database")
    assert told["submission_id"] == stored["submission_id"]
    assert told["error"] == {"cause": "model_missing", "message": "no such model", "retry_count": 3}


def test_pending_says_when_to_ask_again() -> None:
    state = state_of(row("pending"))
    assert isinstance(state, Pending)
    assert body(state, "database")["poll_after_ms"] > 0


def test_what_the_cache_holds_reads_back_the_same() -> None:
    state = state_of(row("answered"))
    assert msgspec.json.decode(msgspec.json.encode(state), type=Answered) == state


def test_blank_references_are_no_references() -> None:
    assert reference_hash(None) is reference_hash(" \n") is None
    assert reference_hash("a") != reference_hash("b")
