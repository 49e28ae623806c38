from datetime import UTC, datetime, timedelta
from typing import Any

from streaming.storage.timeline import stages, timeline

START = datetime(2026, 1, 1, tzinfo=UTC)


def attempt(number: int, waited_ms: float = 0.0, **fields: Any) -> dict[str, Any]:
    times = {
        "enqueued_at": START,
        "llm_started_at": START + timedelta(milliseconds=10),
        "llm_finished_at": START + timedelta(milliseconds=110),
        "scored_at": START + timedelta(milliseconds=140),
        "stored_at": START + timedelta(milliseconds=160),
    }
    return {"submission_id": "s-1", "retry_count": number, "waited_ms": waited_ms, **times, **fields}


def submission(**fields: Any) -> dict[str, Any]:
    unknown = dict.fromkeys(["accepted_as", "cause", "scored_at", "stored_at"])
    return {"submission_id": "s-1", **unknown, **fields}


def test_every_stage_of_an_attempt_has_its_time() -> None:
    assert stages(attempt(1, waited_ms=2000.0), 500.0) == {
        "queue_ms": 10.0,
        "model_ms": 100.0,
        "scoring_ms": 30.0,
        "waiting_ms": 1500.0,
        "store_ms": 20.0,
    }


def test_an_error_has_no_scoring_and_is_stored_from_its_end() -> None:
    found = stages(attempt(0, scored_at=None), 0.0)
    assert found["scoring_ms"] is None
    assert found["store_ms"] == 50.0


def test_a_call_that_never_took_place_has_no_times() -> None:
    found = stages(attempt(0, llm_started_at=None, llm_finished_at=None, scored_at=None), 0.0)
    assert [found[name] for name in ("queue_ms", "model_ms", "scoring_ms", "store_ms")] == [None] * 4


def test_a_wait_is_counted_once_though_every_later_attempt_carries_it() -> None:
    told = timeline({"submission_id": "s-1"}, [submission()], [attempt(0), attempt(1, waited_ms=2000.0), attempt(2, waited_ms=6000.0)])
    (only,) = told["submissions"]
    assert [each["stages"]["waiting_ms"] for each in only["attempts"]] == [0.0, 2000.0, 4000.0]
    assert only["stages"]["waiting_ms"] == 6000.0
    assert only["stages"]["model_ms"] == 300.0


def test_every_submission_has_its_outcome() -> None:
    rows = [
        submission(submission_id="s-1", cause="overload_exhausted"),
        submission(submission_id="s-2"),
        submission(submission_id="s-3"),
    ]
    told = timeline({"submission_id": "s-3"}, rows, [attempt(0)])
    assert [each["outcome"] for each in told["submissions"]] == ["failed", "superseded", "pending"]
    assert [len(each["attempts"]) for each in told["submissions"]] == [1, 0, 0]
    assert timeline({"submission_id": "s-1"}, [submission(accepted_as="passed")], [])["submissions"][0]["outcome"] == "answered"
