"""Searching a question, and its story."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from fastapi.testclient import TestClient

from tests.unit.pages.conftest import Tables

ID, SUBMISSION = UUID(int=7), UUID(int=8)
ASKED = datetime(2026, 11, 23, 22, tzinfo=UTC)
SCRIPT = "<script>alert(1)</script>"


def attempt(retry_count: int, text: str | None, **fields: Any) -> dict[str, Any]:
    queued = ASKED + timedelta(seconds=10 * retry_count)
    missing = dict.fromkeys(("error_type", "error", "prompt_tokens", "retry_after_s", "bert_score", "scored_at"))
    return {
        "submission_id": SUBMISSION,
        "retry_count": retry_count,
        "outcome": "success",
        "scorer": "s",
        "llm_response": text,
        "model": "m",
        "response_time_ms": 5.0,
        "tokens": 3,
        "truncated": False,
        "waited_ms": 0.0,
        "enqueued_at": queued,
        "llm_started_at": queued + timedelta(seconds=1),
        "llm_finished_at": queued + timedelta(seconds=2),
        "stored_at": queued + timedelta(seconds=3),
        **missing,
        **fields,
    }


@pytest.fixture
def answered(tables: Tables) -> Tables:
    question = {"answer_set": "a", "other_references": 0, "status": "answered", "submission_id": SUBMISSION, "run_id": None, "model": None}
    times = {"created_at": ASKED, "submitted_at": ASKED, "enqueued_at": ASKED, "resolved_at": ASKED}
    texts = {"question_text": SCRIPT, "original_answer": f"reference {SCRIPT}"}
    tables.answers["FROM questions WHERE question_id"] = [{"question_id": ID, **question, **times, **texts}]
    trip = {"submission_id": SUBMISSION, "kind": "first", "follows": None, "run_id": None, "model": None, "submitted_at": ASKED}
    end = {"accepted_as": "passed", "accepted_retry_count": 1, "bert_score": 0.9, "first_score": 0.4, "total_processing_time_ms": 9.0}
    none = dict.fromkeys(("cause", "last_error", "failed_at", "replayed_at"))
    tables.answers["LEFT JOIN answers"] = [{**trip, **end, **none, "stored_at": ASKED, "scored_at": ASKED}]
    tables.answers["FROM attempts WHERE question_id"] = [
        attempt(0, f"first {SCRIPT}", bert_score=0.4),
        attempt(1, f"second {SCRIPT}", bert_score=0.9),
    ]
    return tables


def test_the_accepted_answer_stands_beside_its_reference_and_all_of_it_is_text(client: TestClient, answered: Tables) -> None:
    text = client.get("/question", params={"id": str(ID)}).text
    assert SCRIPT not in text
    beside = text[text.index('id="reference"') : text.index("Timeline")]
    assert "reference &lt;script&gt;" in beside
    assert "second &lt;script&gt;" in beside
    assert "first &lt;script&gt;" not in beside
    assert "first &lt;script&gt;" in text
    assert "Accepted as passed: attempt 2, score 0.900, first 0.400" in text


def test_a_very_long_answer_is_whole(client: TestClient, answered: Tables) -> None:
    answered.answers["FROM attempts WHERE question_id"][1]["llm_response"] = "w" * 100_000
    text = client.get("/question", params={"id": str(ID)}).text
    assert "w" * 100_000 in text
    assert "100,000 characters" in text


def test_an_error_is_told_and_shown_as_text(client: TestClient, answered: Tables) -> None:
    answered.answers["FROM attempts WHERE question_id"] = [attempt(0, None, outcome="overload", error_type="overload", error=SCRIPT)]
    text = client.get("/question", params={"id": str(ID)}).text
    assert 'overload: <span class="wrapped">&lt;script&gt;' in text


def test_an_id_leads_straight_to_its_question(client: TestClient) -> None:
    reply = client.get("/questions", params={"q": f" {ID} "}, follow_redirects=False)
    assert reply.headers["location"] == f"/here/answerloop/question?id={ID}"


def test_an_id_that_nobody_has_or_that_is_none_is_told(client: TestClient) -> None:
    unknown = client.get("/question", params={"id": str(ID)})
    assert (unknown.status_code, f"There is no question {ID}" in unknown.text) == (404, True)
    none = client.get("/question", params={"id": "<b>"})
    assert (none.status_code, "is no id of a question" in none.text, "<b>" in none.text) == (404, True, False)


def test_what_is_not_found_is_told_with_how_to_search(client: TestClient) -> None:
    text = client.get("/questions", params={"q": "a\0b"}).text
    assert "No question holds all of these words." in text
    assert "No question has been answered yet." in client.get("/questions").text
