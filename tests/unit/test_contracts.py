import base64
import json
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streaming import contracts, topics
from streaming.contracts import BestAttempt, Fatal, Question, Response, Retries, Scored, Validated
from streaming.errors import InvalidMessage
from streaming.identity import derived_submission_id
from tests.unit.hostile import COMPLETE, nested, records

QUESTION = UUID("966e6a2b-590c-549e-bf1b-d05965eb3afe")
BARE = {
    "question_id": str(QUESTION),
    "question_text": "Why is the sky blue?",
    "retry_count": 0,
    "timestamp": "2026-05-01T12:00:00Z",
    "original_answer": None,
}


def value(**changes: Any) -> bytes:
    return json.dumps({**BARE, **changes}).encode()


def test_the_bare_specified_message_is_valid_and_gets_what_follows_from_it() -> None:
    message = contracts.decode(Question, value())
    moment = datetime(2026, 5, 1, 12, tzinfo=UTC)
    assert message.submission_id == derived_submission_id(QUESTION)
    assert message.retries is None
    assert (message.created_at, message.submitted_at, message.enqueued_at) == (moment, moment, moment)


def test_unknown_fields_are_kept_and_passed_on_to_the_next_message() -> None:
    message = contracts.decode(Question, value(colour={"deep": [1, "x"]}))
    error = Fatal(**message.carried(), retry_count=0, error_type="refused_by_model", error_message="no", timestamp=message.timestamp)
    assert json.loads(contracts.encode(error))["colour"] == {"deep": [1, "x"]}


def test_64_levels_are_read_and_written() -> None:
    message = contracts.decode(Question, nested(64, start=value().decode()[:-1] + ',"a":'))
    assert contracts.decode(Question, contracts.encode(message)).extra == message.extra


def test_a_message_made_too_deep_is_never_written() -> None:
    message = contracts.decode(Question, value())
    for levels in (64, 5000):
        deep: list[Any] = []
        for _ in range(levels):
            deep = [deep]
        message.extra = {"deep": deep}
        with pytest.raises(InvalidMessage, match="64 levels"):
            contracts.encode(message)


def test_a_record_of_answers_copied_to_the_questions_brings_nothing_of_its_old_call_along() -> None:
    copied = COMPLETE | {"model": "old", "llm_started_at": "2026-05-01T11:00:00Z", "tokens": 5, "scorer": "old", "colour": "blue"}
    question = contracts.decode(Question, json.dumps(copied).encode())
    new = Response(**question.carried(), retry_count=0, llm_response="new", response_time_ms=7, timestamp=question.timestamp)
    written = json.loads(contracts.encode(new))
    assert (written["llm_response"], written["response_time_ms"], written["colour"]) == ("new", 7, "blue")
    assert (written["model"], written["llm_started_at"], written["tokens"]) == (None, None, None)
    assert not {"scorer", "bert_score", "error_message", "retry_after_seconds", "processing_attempts"} & set(written)


@given(
    st.dictionaries(st.sampled_from(sorted({name for spec in topics.TOPICS for name in spec.message.__struct_fields__})), st.just("forged"))
)
def test_what_comes_as_unknown_never_fills_a_field_of_any_later_message(forged: dict[str, Any]) -> None:
    unknown = {name: item for name, item in forged.items() if name not in Question.__struct_fields__}
    question = contracts.decode(Question, value(**unknown))
    for kind in (Response, contracts.Overload, contracts.Quota, Fatal, Scored, Validated):
        assert not set(question.extra) & set(kind.__struct_fields__)


def test_the_fields_of_a_message_win_over_unknown_ones_of_the_same_name() -> None:
    message = contracts.decode(Question, value())
    message.extra = {"question_text": "forged", "mine": 1}
    written = json.loads(contracts.encode(message))
    assert (written["question_text"], written["mine"]) == ("Why is the sky blue?", 1)


def test_what_is_written_reads_back_the_same() -> None:
    message = contracts.decode(Question, value(run_id="r", waited_ms=3.5, retries={"overload": 1}))
    message.best_attempt = BestAttempt(llm_response="a", bert_score=0.5, retry_count=0, model="m", scorer="s")
    assert contracts.decode(Question, contracts.encode(message)) == message


def test_times_are_read_as_utc_whatever_their_offset() -> None:
    assert contracts.decode(Question, value(timestamp="2026-05-01T14:00:00+02:00")).timestamp == datetime(2026, 5, 1, 12, tzinfo=UTC)
    assert contracts.decode(Question, value(timestamp="2026-05-01T12:00:00")).timestamp == datetime(2026, 5, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        (None, "tombstone"),
        (b"", "not JSON"),
        (b"{", "not JSON"),
        (b"\xff\xfe", "not JSON"),
        (b"[]", "object is expected"),
        (b"[" * 100_000, "not JSON"),
        (b"{}", "question_id"),
        (value(question_id="17"), "question_id"),
        (value(question_text=""), "question_text"),
        (value(question_text="a\0b"), "`question_text` holds a NUL"),
        (value(extra_field={"deep": ["a\0"]}), "NUL"),
        (value(retry_count=-1), "retry_count"),
        (value(retry_count=2**31), "retry_count"),
        (value(retry_count="0"), "retry_count"),
        (value(retry_count=True), "retry_count"),
        (value(timestamp="yesterday"), "timestamp"),
        (value(timestamp="0001-01-01T00:00:00+23:00"), "range"),
        (value(first_score=1e300), "first_score"),
        (value(question_text="x").replace(b'"x"', b'"\\ud800"'), "not JSON"),
        (value(first_score=0).replace(b"0}", b"NaN}"), "not JSON"),
        (value(extra_field={"deep": [2**63]}), r"`extra_field\.deep\[\]` is an integer out of range"),
        (value(extra_field=-(2**70)), "out of range"),
        (nested(65), "deeper than 64 levels"),
        (nested(986), "deeper than 64 levels"),
        (nested(100_000), "deeper than 64 levels"),
        (value(**{"a\0b": 1}), "the name `a\N{REPLACEMENT CHARACTER}b` holds a NUL"),
        (b"\0\0\0\0\x07" + value(), "schema registry .magic byte 0, schema id 7.*plain JSON"),
        (b"\xef\xbb\xbf" + value(), "byte-order mark of UTF-8; write UTF-8 without"),
        (value().decode().encode("utf-16"), "byte-order mark of UTF-16; write UTF-8"),
        (value().decode().encode("utf-16-be"), "it is UTF-16"),
        (value(timestamp=1777636800), "timestamp.*epoch.*ISO 8601"),
        (value(created_at=1777636800.5), "created_at.*epoch.*ISO 8601"),
        (value(timestamp="1777636800"), "timestamp.*ISO 8601"),
        (value(retry_count="0"), "retry_count.*number is given as text: write it without quotes"),
        (value(waited_ms="3.5"), "waited_ms.*number is given as text"),
        (value(retries={"overload": "1"}), r"retries\.overload.*number is given as text"),
        (json.dumps({key: item for key, item in BARE.items() if key != "original_answer"}).encode(), "original_answer"),
    ],
)
def test_what_is_not_a_message_is_refused_with_the_reason(record: bytes | None, reason: str) -> None:
    with pytest.raises(InvalidMessage, match=reason):
        contracts.decode(Question, record)


@given(records)
def test_no_record_whatever_raises_anything_but_invalid_message(record: bytes | None) -> None:
    for spec in topics.TOPICS:
        with suppress(InvalidMessage):
            message = contracts.decode(spec.message, record)
            assert contracts.decode(spec.message, contracts.encode(message)) == message


@given(st.binary(max_size=200))
def test_no_bytes_whatever_raise_anything_but_invalid_message(record: bytes) -> None:
    for spec in topics.TOPICS:
        with pytest.raises(InvalidMessage):
            contracts.decode(spec.message, record)


@pytest.mark.parametrize("score", [float("nan"), float("inf")])
def test_a_score_that_is_no_number_is_never_written(score: float) -> None:
    message = contracts.decode(Question, value())
    message.first_score = score
    with pytest.raises(InvalidMessage, match="first_score"):
        contracts.encode(message)


def test_a_lone_surrogate_is_never_written() -> None:
    message = contracts.decode(Question, value())
    message.question_text = "\ud800"
    with pytest.raises(InvalidMessage, match="surrogate"):
        contracts.encode(message)


def test_a_bare_validated_message_was_accepted_by_its_score_or_unscored() -> None:
    bare = {key: item for key, item in BARE.items() if key != "retry_count"}
    bare |= {"llm_response": "Rayleigh", "processing_attempts": 3, "total_processing_time_ms": 12}
    passed = contracts.decode(Validated, json.dumps(bare | {"bert_score": 0.8}).encode())
    assert (passed.accepted_as, passed.retry_count, passed.accepted_retry_count) == ("passed", 2, 2)
    assert contracts.decode(Validated, json.dumps(bare | {"bert_score": None}).encode()).accepted_as == "unscored"
    with pytest.raises(InvalidMessage, match="accepted_as"):
        contracts.decode(Validated, json.dumps(bare | {"bert_score": 0.8, "accepted_as": "luck"}).encode())


def test_a_dead_letter_holds_the_place_the_reason_and_the_start_of_the_record() -> None:
    raw = b"x" * 100_000
    letter = contracts.dead_letter("questions-pending", 3, 17, raw, "not JSON", datetime.now(UTC))
    assert (letter.topic, letter.partition, letter.offset, letter.length) == ("questions-pending", 3, 17, 100_000)
    assert base64.b64decode(letter.raw) == raw[: 64 * 1024]
    assert letter.question_id is None


def test_the_fatal_message_of_a_broken_record_names_its_question_and_submission() -> None:
    broken = value(retry_count=-5, submission_id="c5e3dfe3-7b07-5289-97ea-21db6e736f02", question_text="a\0b")
    fatal = contracts.fatal_for_dead_letter(broken, "invalid_message", "retry_count is negative", datetime.now(UTC))
    assert fatal is not None
    assert (fatal.question_id, fatal.retry_count) == (QUESTION, 0)
    assert fatal.submission_id == UUID("c5e3dfe3-7b07-5289-97ea-21db6e736f02")
    assert contracts.decode(Fatal, contracts.encode(fatal)).error_type == "invalid_message"


@pytest.mark.parametrize("record", [None, b"{", b"[]", b'{"question_id": 5}', b'{"question_id": "zz"}'])
def test_a_record_without_a_readable_question_ends_nobodys_wait(record: bytes | None) -> None:
    assert contracts.fatal_for_dead_letter(record, "invalid_message", "broken", datetime.now(UTC)) is None


def test_an_attempt_number_is_one_less_than_the_attempts() -> None:
    bare = BARE | {"llm_response": "x", "bert_score": 0.1, "processing_attempts": 1, "total_processing_time_ms": 1}
    assert contracts.decode(Scored, json.dumps(bare).encode()).retry_count == 0


def test_retries_start_at_zero() -> None:
    assert Retries() == Retries(overload=0, quota=0, quality=0)
