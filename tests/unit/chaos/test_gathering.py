import json
from uuid import uuid4

import pytest

from tests.chaos.evidence import Call, Record
from tests.chaos.gathering import calls_in, entry, is_about_one_of

CALL = {"prompt": "Why?", "model": "a-model", "begun_at": 1.5, "ended_at": 2.0, "outcome": "answered", "answer": "So."}


def record(value: bytes | None) -> Record:
    return Record("questions-pending", 0, 0, 0, None, value)


def test_a_line_of_the_log_is_a_call() -> None:
    assert calls_in([json.dumps(CALL), json.dumps(CALL | {"answer": None})]) == [Call(**CALL), Call(**CALL | {"answer": None})]


@pytest.mark.parametrize("line", ['{"prompt": "torn', "{}", "[]"])
def test_a_line_that_is_no_call_is_not_passed_over(line: str) -> None:
    with pytest.raises((ValueError, TypeError)):
        calls_in([line])


def test_records_of_other_runs_are_told_from_those_of_nobody() -> None:
    other, unknown = uuid4(), uuid4()
    assert is_about_one_of({other}, record(json.dumps({"question_id": str(other)}).encode()))
    assert not is_about_one_of({other}, record(json.dumps({"question_id": str(unknown)}).encode()))
    assert not is_about_one_of({other}, record(b"no message"))
    assert not is_about_one_of({other}, record(None))


@pytest.mark.parametrize("raw", [b"\xff", b"[1]", b"{"])
def test_what_is_no_answer_in_the_cache_is_kept_as_it_is(raw: bytes) -> None:
    assert entry(raw) == {"bytes": raw}
