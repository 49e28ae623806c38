import asyncio
import base64
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
import pytest

from streaming import contracts, topics
from streaming.clock import SystemClock
from streaming.errors import ConfigurationError, LoginRefused, RefusedByDatabase, TookTooLong, Unreachable
from streaming.kafka.client import Record, TopicPartition
from streaming.kafka.memory import MemoryBroker
from streaming.storage import persister as module
from streaming.storage.effects import Effects
from streaming.storage.outcomes import Stored
from streaming.storage.persister import Persister
from tests.unit.hostile import COMPLETE, NEARLY_8_MIB, QUESTION_ID
from tests.unit.storage.messages import Submission

DEADLINE_S = 5.0


class FakeDatabase:
    """Runs work at once; fails first as often as told."""

    def __init__(self) -> None:
        self.failures: deque[Exception] = deque()
        self.open = asyncio.Event()
        self.open.set()
        self.entered = asyncio.Event()

    async def atomic(self, work: Callable[[Any], Any]) -> Any:
        self.entered.set()
        await self.open.wait()
        if self.failures:
            raise self.failures.popleft()
        return work(None)

    def close(self) -> None:
        return None


class FakeCache:
    async def put(self, answers: Sequence[Any]) -> None:
        return None

    async def close(self) -> None:
        return None


class Table:
    """Stands for PostgreSQL's tables: keeps what was stored, refuses poison."""

    def __init__(self) -> None:
        self.batches: list[list[UUID]] = []
        self.poison: set[UUID] = set()

    def store(self, connection: None, batch: Sequence[Effects], now: datetime) -> Stored:
        questions = [each.question.question_id for each in batch]
        if self.poison.intersection(questions):
            raise RefusedByDatabase("numeric value out of range")
        self.batches.append(questions)
        return Stored(frozenset(), frozenset(), {})


class Bench:
    """A persister on fakes, and which of its records are done."""

    def __init__(self, table: Table, linger_s: float = 0.005) -> None:
        self.table = table
        self.database = FakeDatabase()
        self.broker = MemoryBroker()
        for spec in topics.TOPICS:
            self.broker.create(spec.name)
        parts: Any = (self.database, FakeCache(), self.broker.producer())
        self.step = Persister(*parts, clock=SystemClock(), most=8, linger_s=linger_s)
        self.done: list[int] = []
        self.offset = 0
        self.running = asyncio.create_task(self.step.run())

    def take(self, value: bytes, topic: str = topics.VALIDATED, partition: int = 0) -> int:
        offset = self.offset
        self.offset += 1
        self.step.take(Record(topic, partition, offset, b"key", value, 0), lambda: self.done.append(offset))
        return offset

    async def until_done(self, count: int) -> None:
        async with asyncio.timeout(DEADLINE_S):
            while len(self.done) < count:
                await asyncio.sleep(0.002)


@pytest.fixture
def table(monkeypatch: pytest.MonkeyPatch) -> Table:
    table = Table()
    monkeypatch.setattr(module, "store", table.store)
    return table


@pytest.fixture
async def bench(table: Table, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Bench]:
    monkeypatch.setattr(module, "BACKOFF_S", 0.005)
    bench = Bench(table)
    yield bench
    bench.running.cancel()
    await asyncio.wait({bench.running}, timeout=DEADLINE_S)


def validated() -> bytes:
    return contracts.encode(Submission().validated())


async def test_what_comes_together_is_one_transaction(bench: Bench, table: Table) -> None:
    for _ in range(5):
        bench.take(validated())
    await bench.until_done(5)
    assert [len(batch) for batch in table.batches] == [5]


async def test_a_batch_has_a_bound_and_so_has_the_queue(bench: Bench, table: Table) -> None:
    bench.database.open.clear()
    taken = 0
    async with asyncio.timeout(DEADLINE_S):
        while bench.step.ready():
            bench.take(validated())
            taken += 1
            await asyncio.sleep(0)
    bench.database.open.set()
    await bench.until_done(taken)
    assert taken <= 16
    assert max(len(batch) for batch in table.batches) <= 8


async def test_nothing_is_done_before_it_is_committed(bench: Bench) -> None:
    bench.database.open.clear()
    bench.take(validated())
    await asyncio.wait_for(bench.database.entered.wait(), DEADLINE_S)
    assert bench.done == []
    bench.database.open.set()
    await bench.until_done(1)


@pytest.mark.parametrize("failure", [Unreachable("PostgreSQL is away"), ConfigurationError("run provision")])
async def test_while_postgresql_is_away_the_batch_is_kept_and_partitions_pause(
    bench: Bench, table: Table, failure: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.database.failures.extend([failure] * 3)
    bench.take(validated())
    async with asyncio.timeout(DEADLINE_S):
        while not bench.step.problems():
            await asyncio.sleep(0.001)
    assert bench.step.problems() == {"postgresql": str(failure)}
    assert not bench.step.ready()
    await bench.until_done(1)
    assert bench.step.ready()
    assert bench.step.problems() == {}
    assert len(table.batches) == 1


async def test_an_invalid_record_is_buried_and_the_others_are_stored(bench: Bench, table: Table) -> None:
    bench.take(validated())
    bench.take(b"not json")
    bench.take(validated())
    await bench.until_done(3)
    assert [len(batch) for batch in table.batches] == [2]
    (letter,) = bench.broker.records(topics.DEAD_LETTERS)
    assert base64.b64decode(msgspec.json.decode(letter.value or b"")["raw"]) == b"not json"


@pytest.mark.parametrize("topic", topics.CONSUMED_BY[topics.STORAGE_PERSISTER])
async def test_an_invalid_record_that_fills_its_topic_is_buried_once_and_the_next_is_stored(bench: Bench, table: Table, topic: str) -> None:
    bench.take(msgspec.json.encode(COMPLETE | {"timestamp": 5, "question_text": "x" * NEARLY_8_MIB}), topic)
    bench.take(b'{"question_id": "' + QUESTION_ID.encode() + b'", "a\\u0000b": 1}', topic)
    bench.take(validated())
    await bench.until_done(3)
    assert [len(batch) for batch in table.batches] == [1]
    assert [len(bench.broker.records(sent)) for sent in (topics.DEAD_LETTERS, topics.FATAL)] == [2, 2]


async def test_the_poison_in_a_batch_is_found_buried_and_its_question_told(bench: Bench, table: Table) -> None:
    poison = Submission()
    table.poison = {poison.question_id}
    for position in range(7):
        bench.take(contracts.encode(poison.validated()) if position == 4 else validated())
    await bench.until_done(7)
    assert sum(len(batch) for batch in table.batches) == 6
    assert poison.question_id not in {question for batch in table.batches for question in batch}
    (letter,) = bench.broker.records(topics.DEAD_LETTERS)
    assert "out of range" in msgspec.json.decode(letter.value or b"")["reason"]
    (fatal,) = bench.broker.records(topics.FATAL)
    told = contracts.decode(contracts.Fatal, fatal.value)
    assert (told.question_id, told.error_type) == (poison.question_id, contracts.INVALID_MESSAGE)


async def test_while_kafka_takes_no_dead_letter_the_record_is_kept(bench: Bench) -> None:
    bench.broker.away = True
    bench.take(b"not json")
    async with asyncio.timeout(DEADLINE_S):
        while "kafka" not in bench.step.problems():
            await asyncio.sleep(0.001)
    assert bench.done == []
    bench.broker.away = False
    await bench.until_done(1)
    assert len(bench.broker.records(topics.DEAD_LETTERS)) == 1


async def test_quiesce_returns_when_its_partitions_are_stored(bench: Bench) -> None:
    bench.take(validated(), partition=0)
    bench.take(validated(), partition=1)
    await asyncio.wait_for(bench.step.quiesce([TopicPartition(topics.VALIDATED, 1)]), DEADLINE_S)
    assert 1 in bench.done


async def test_what_is_dropped_before_its_batch_is_not_stored(bench: Bench, table: Table) -> None:
    bench.take(validated(), partition=0)
    kept = bench.take(validated(), partition=1)
    bench.step.drop([TopicPartition(topics.VALIDATED, 0)])
    await bench.until_done(1)
    assert bench.done == [kept]
    assert [len(batch) for batch in table.batches] == [1]


async def test_a_login_that_postgresql_refuses_ends_the_service(bench: Bench) -> None:
    bench.database.failures.append(LoginRefused("the password is wrong"))
    bench.take(validated())
    await asyncio.wait({bench.running}, timeout=DEADLINE_S)
    with pytest.raises(LoginRefused):
        bench.running.result()
    assert bench.done == []


async def test_an_error_that_nobody_foresaw_ends_the_service(bench: Bench) -> None:
    bench.database.failures.append(KeyError("a bug"))
    bench.take(validated())
    await asyncio.wait({bench.running}, timeout=DEADLINE_S)
    with pytest.raises(KeyError, match="a bug"):
        bench.running.result()
    assert bench.done == []


async def test_told_to_stop_in_the_turn_in_which_its_batch_fills_it_stops(table: Table) -> None:
    bench = Bench(table, linger_s=3600)
    bench.take(validated())
    for _ in range(5):
        await asyncio.sleep(0)
    for _ in range(7):
        bench.take(validated())
    bench.running.cancel()
    await asyncio.wait({bench.running}, timeout=DEADLINE_S)
    assert bench.running.cancelled()


async def test_a_batch_that_takes_too_long_is_halved_until_it_passes(bench: Bench, table: Table) -> None:
    bench.database.failures = deque([TookTooLong("8"), TookTooLong("4")])
    bench.database.open.clear()
    for _ in range(8):
        bench.take(validated())
    bench.database.open.set()
    await bench.until_done(8)
    assert [len(batch) for batch in table.batches] == [2, 2, 4]


async def test_a_single_row_that_takes_too_long_is_kept_until_postgresql_has_time(bench: Bench, table: Table) -> None:
    bench.database.failures = deque([TookTooLong("1"), TookTooLong("1")])
    bench.take(validated())
    await bench.until_done(1)
    assert [len(batch) for batch in table.batches] == [1]
    assert bench.broker.records(topics.DEAD_LETTERS) == []


async def test_large_records_fill_a_batch_long_before_there_are_many(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BATCH_MOST_BYTES", 3 * len(validated()))
    bench.database.open.clear()
    taken = 0
    while bench.step.ready() and taken < 8:
        bench.take(validated())
        taken += 1
    assert taken == 3
    bench.database.open.set()
    await bench.until_done(3)
