"""Failures and the form that replays them."""

from datetime import UTC, datetime
from uuid import UUID

import pytest
from fastapi.testclient import TestClient

from tests.unit.pages.conftest import Tables

QUESTION = UUID(int=7)
FAILED_AT = datetime(2026, 11, 23, 22, 10, 5, 120000, tzinfo=UTC)
SCRIPT = "<script>alert(1)</script>"


@pytest.fixture
def failed(tables: Tables) -> Tables:
    tables.answers["GROUP BY f.cause"] = [{"cause": "overload_exhausted", "failures": 3, "left_over": 2, "newest": FAILED_AT}]
    row = {"question_id": QUESTION, "submission_id": UUID(int=9), "run_id": "run/7", "cause": "overload_exhausted", "error": SCRIPT}
    rows = [("failed", None), ("answered", FAILED_AT), ("failed", FAILED_AT), ("pending", FAILED_AT)]
    tables.answers["LIMIT"] = [
        {**row, "failed_at": FAILED_AT, "question": SCRIPT, "status": status, "replayed_at": replayed} for status, replayed in rows
    ]
    return tables


def test_texts_are_shown_as_text(client: TestClient, failed: Tables) -> None:
    text = client.get("/failures").text
    assert SCRIPT not in text
    assert text.count("&lt;script&gt;alert(1)&lt;/script&gt;") == 8


def test_what_became_of_a_replay_is_told(client: TestClient, failed: Tables) -> None:
    text = client.get("/failures").text
    for state in ("not yet", "recovered", "failed again", "pending"):
        assert f">{state}</span>" in text, state


def test_the_filter_stays_in_the_form_and_leads_to_the_replay_form_filled_in(client: TestClient, failed: Tables) -> None:
    given = {"cause": "overload_exhausted", "run_id": 'a"b', "since": "2026-11-23T22:00", "error_text": "a & b"}
    text = client.get("/failures", params=given).text
    assert 'value="a&#34;b"' in text
    link = 'href="/here/answerloop/replay?cause=overload_exhausted&amp;run_id=a%22b&amp;since=2026-11-23T22%3A00&amp;error_text=a+%26+b"'
    assert link in text
    form = client.get("/replay", params=given).text
    assert 'name="since" type="datetime-local" step="1" value="2026-11-23T22:00"' in form
    assert 'value="a &amp; b"' in form
    assert 'data-starts="/here/api/v2/dags/replay_failed_questions/dagRuns"' in form


@pytest.mark.parametrize("path", ["failures", "replay"])
@pytest.mark.parametrize(
    ("given", "said"),
    [({"since": "<yesterday>"}, "since"), ({"since": "2026-11-23T10:00", "until": "2026-11-23T09:00"}, "before `until`")],
)
def test_a_filter_that_is_none_is_told_beside_the_form(
    client: TestClient, failed: Tables, path: str, given: dict[str, str], said: str
) -> None:
    reply = client.get(f"/{path}", params=given)
    assert reply.status_code == 422
    assert said in reply.text
    assert "<yesterday>" not in reply.text
    assert 'role="alert"' in reply.text


def test_further_failures_are_found_by_the_last_one_shown(client: TestClient, failed: Tables) -> None:
    (row, *_) = failed.answers["LIMIT"]
    failed.answers["LIMIT"] = [row] * 51
    text = client.get("/failures", params={"cause": "overload_exhausted"}).text
    assert "before_at=2026-11-23T22%3A10%3A05.120000%2B00%3A00&amp;before_id=00000000-0000-0000-0000-000000000009" in text
    assert text.count("<time datetime") == 51


def test_without_failures_a_sentence_says_so(client: TestClient) -> None:
    assert "No question has failed yet." in client.get("/failures").text
    assert "No failure follows this filter." in client.get("/failures", params={"cause": "x"}).text
    assert "No failure that follows this filter is left to replay" in client.get("/replay").text
