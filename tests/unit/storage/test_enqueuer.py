"""The enqueuer on a table in memory: what one row does to the others."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import pytest

from streaming import contracts, topics
from streaming.clock import ManualClock
from streaming.errors import ClientFailed, ConfigurationError, DeliveryFailed
from streaming.kafka.client import Delivered
from streaming.kafka.memory import MemoryBroker, MemoryProducer
from streaming.storage import enqueuer as module
from streaming.storage.enqueuer import Enqueuer

NOW = datetime(2026, 1, 1, tzinfo=UTC)


class Table:
    """Un-enqueued rows, oldest first, and transactions on them."""

    def __init__(self, rows: list[dict[str, Any]]) -> None:
        self.rows = rows

    def select(self, connection: None, stepped_over: list[UUID]) -> list[dict[str, Any]]:
        return [row for row in self.rows if row["question_id"] not in stepped_over][: module.BATCH]

    def mark(self, connection: None, now: datetime, delivered: list[UUID]) -> None:
        self.rows = [row for row in self.rows if row["question_id"] not in delivered]

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator["Table"]:
        yield self

    async def run(self, work: Callable[[None], Any]) -> Any:
        return work(None)


class PartlyAway(MemoryProducer):
    """Takes everything but the records of some questions."""

    def __init__(self, broker: MemoryBroker) -> None:
        super().__init__(broker)
        self.refused: dict[str, Exception] = {}

    async def send(self, topic: str, key: str, value: bytes) -> Delivered:
        if key in self.refused:
            raise self.refused[key]
        return await super().send(topic, key, value)


class Bench:
    def __init__(self, monkeypatch: pytest.MonkeyPatch, *texts: str) -> None:
        self.broker = MemoryBroker()
        for spec in topics.TOPICS:
            self.broker.create(spec.name)
        names = ("question_id", "submission_id", "question_text", "original_answer", "run_id", "model", "created_at", "submitted_at")
        rows = [dict(zip(names, (uuid4(), uuid4(), text, None, None, None, NOW, NOW), strict=True)) for text in texts]
        self.ids = [str(row["question_id"]) for row in rows]
        self.table = Table(rows)
        self.producer = PartlyAway(self.broker)
        monkeypatch.setattr(module, "_select", self.table.select)
        monkeypatch.setattr(module, "_mark", self.table.mark)
        monkeypatch.setattr(module.repository, "count_unenqueued", lambda connection, most: len(self.table.rows))
        database: Any = self.table
        self.clock = ManualClock(NOW)
        self.enqueuer = Enqueuer(database, self.producer, self.clock, 100)

    async def round(self) -> None:
        await self.enqueuer._enqueue()

    def sent(self, topic: str) -> list[str]:
        return [(record.key or b"").decode() for record in self.broker.records(topic)]


async def test_a_question_that_can_never_be_sent_fails_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench(monkeypatch, "a", "x" * topics.MAX_MESSAGE_BYTES, "b\0", "c")
    await bench.round()
    assert bench.sent(topics.PENDING) == [bench.ids[0], bench.ids[3]]
    assert bench.sent(topics.FATAL) == [bench.ids[1], bench.ids[2]]
    assert bench.table.rows == []
    causes = {contracts.decode(contracts.Fatal, record.value).error_type for record in bench.broker.records(topics.FATAL)}
    assert causes == {contracts.INVALID_MESSAGE}


async def test_what_was_delivered_is_marked_whatever_the_others_met(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench(monkeypatch, "a", "b", "c")
    bench.producer.refused[bench.ids[1]] = ClientFailed("not allowed")
    with pytest.raises(ClientFailed):
        await bench.round()
    assert [str(row["question_id"]) for row in bench.table.rows] == [bench.ids[1]]


async def test_questions_of_a_partition_that_is_away_hold_up_no_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BATCH", 2)
    bench = Bench(monkeypatch, *"abcdefgh")
    for away in bench.ids[:6]:
        bench.producer.refused[away] = DeliveryFailed("its partition is offline")
    for _ in range(3):
        with pytest.raises(DeliveryFailed):
            await bench.round()
    await bench.round()
    assert bench.sent(topics.PENDING) == bench.ids[6:]
    bench.producer.refused.clear()
    for _ in range(3):
        await bench.round()
    assert bench.table.rows == []


async def test_a_login_that_kafka_refuses_keeps_questions_waiting_and_is_named_until_it_is_right(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench(monkeypatch, "a")
    bench.producer.refused[bench.ids[0]] = ConfigurationError("Kafka refuses the login")
    running = asyncio.create_task(bench.enqueuer.run())
    await bench.clock.advance(0)
    assert bench.enqueuer.problem == "Kafka refuses the login"
    bench.producer.refused.clear()
    await bench.clock.advance(1)
    assert (bench.enqueuer.problem, bench.sent(topics.PENDING)) == (None, bench.ids)
    bench.enqueuer.stop()
    await running
