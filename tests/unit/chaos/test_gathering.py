import json
from collections.abc import Iterator
from datetime import UTC, datetime
from uuid import uuid4

import confluent_kafka as ck
import pytest

from streaming.contracts import DeadLetter, encode
from streaming.errors import Unreachable
from streaming.kafka.client import TopicPartition
from tests.chaos.evidence import Call, Record
from tests.chaos.gathering import calls_in, entry, is_about_one_of, records_below, since_then

CALL = {"prompt": "Why?", "model": "a-model", "begun_at": 1.5, "ended_at": 2.0, "outcome": "answered", "answer": "So."}


ONE, OTHER, EMPTY = (TopicPartition("some-topic", number) for number in range(3))


@pytest.fixture(scope="module")
def broker() -> Iterator[str]:
    """The address of a mock cluster, with three records in one partition and one in another."""
    carrier = ck.Producer({"bootstrap.servers": "", "test.mock.num.brokers": 1, "log_level": 0})
    address = next(iter(carrier.list_topics(timeout=5).brokers.values()))
    for partition, value in ((0, b"a"), (0, b"b"), (0, b"c"), (1, None)):
        carrier.produce(ONE.topic, value, b"key", partition=partition)
    assert carrier.flush(10) == 0
    yield f"{address.host}:{address.port}"
    carrier.flush(0)  # the cluster lives as long as the client that carries it


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


def test_what_lay_there_before_the_run_and_dead_letters_of_it_are_left_out() -> None:
    def letter(offset: int) -> bytes:
        about = {"topic": "questions-pending", "partition": 0, "offset": offset}
        return encode(DeadLetter(**about, reason="no JSON", raw="x", length=1, sha256="", timestamp=datetime.now(UTC)))

    old, new = (Record("questions-pending", 0, offset, at, None, b"x") for offset, at in ((0, 999), (1, 1000)))
    of_old, of_new = (Record("dead-letters", 0, offset, 2000, None, letter(offset)) for offset in (0, 1))
    assert since_then([old, new, of_old, of_new], 1.0) == [new, of_new]


@pytest.mark.parametrize("raw", [b"\xff", b"[1]", b"{"])
def test_what_is_no_answer_in_the_cache_is_kept_as_it_is(raw: bytes) -> None:
    assert entry(raw) == {"bytes": raw}


def test_every_record_below_the_ends_is_read_and_none_beyond(broker: str) -> None:
    read = list(records_below(broker, {ONE: 2, OTHER: 1, EMPTY: 0}, 20))
    assert sorted((each.partition, each.offset, each.key, each.value) for each in read) == [
        (0, 0, b"key", b"a"),
        (0, 1, b"key", b"b"),
        (1, 0, b"key", None),
    ]


def test_an_end_that_is_not_reached_in_time_is_no_end_of_reading(broker: str) -> None:
    with pytest.raises(Unreachable, match="some-topic"):
        list(records_below(broker, {ONE: 4}, 0.2))
