"""When a run counts as drained, and what is said when it does not drain."""

import asyncio
from collections.abc import Collection, Mapping
from datetime import UTC, datetime

import pytest

from streaming.clock import ManualClock
from streaming.kafka.client import Committed, TopicPartition
from streaming.kafka.offsets import OffsetWindow
from streaming.kafka.positions import Log
from streaming.topics import CONSUMED_BY, PENDING, STORAGE_PERSISTER, VALIDATED
from streaming.traffic import drain
from streaming.traffic.drain import Backlog, wait_until_drained


class FakeKafka:
    """One partition a topic."""

    def __init__(self, ends: Mapping[str, int], committed: Mapping[str, int | None], metadata: str = "") -> None:
        self.ends = dict(ends)
        self.offsets = dict(committed)
        self.metadata = metadata

    def partitions(self, topics: Collection[str]) -> list[TopicPartition]:
        return [TopicPartition(topic, 0) for topic in topics]

    def logs(self, topics: Collection[str]) -> dict[TopicPartition, Log]:
        return {place: Log(0, self.ends.get(place.topic, 0)) for place in self.partitions(topics)}

    def positions(self, group: str, partitions: Collection[TopicPartition]) -> dict[TopicPartition, Committed]:
        return {partition: Committed(self.offsets.get(partition.topic), self.metadata) for partition in partitions}


@pytest.fixture
def pending(monkeypatch: pytest.MonkeyPatch) -> dict[str, int]:
    """The run's pending questions by stage; a test changes them."""
    stages: dict[str, int] = {}
    monkeypatch.setattr(drain, "pending_by_stage", lambda url, run_id: dict(stages))
    return stages


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(datetime(2026, 1, 1, tzinfo=UTC))


async def outcome(waiting: asyncio.Task[Backlog], clock: ManualClock) -> Backlog:
    async with asyncio.timeout(20):
        while not waiting.done():
            await asyncio.sleep(0.001)
            await clock.advance(0.5)
    return waiting.result()


def start(kafka: FakeKafka, clock: ManualClock, timeout_s: float = 30) -> asyncio.Task[Backlog]:
    return asyncio.create_task(wait_until_drained("unused", kafka, "run", timeout_s, clock))  # type: ignore[arg-type]


async def test_nothing_pending_and_everything_stored_is_drained(pending: dict[str, int], clock: ManualClock) -> None:
    assert not await outcome(start(FakeKafka({VALIDATED: 7}, {VALIDATED: 7}), clock), clock)


async def test_a_topic_that_nothing_was_ever_sent_to_holds_nobody_up(pending: dict[str, int], clock: ManualClock) -> None:
    assert not await outcome(start(FakeKafka({}, {}), clock), clock)


async def test_it_waits_for_the_last_question(pending: dict[str, int], clock: ManualClock) -> None:
    pending["at the model or being scored"] = 1
    waiting = start(FakeKafka({}, {}), clock)
    for _ in range(20):
        await asyncio.sleep(0.001)
        await clock.advance(0.5)
    assert not waiting.done()
    pending.clear()
    assert not await outcome(waiting, clock)


async def test_it_waits_for_the_persister_to_pass_the_sampled_ends_and_for_nothing_later(
    pending: dict[str, int], clock: ManualClock
) -> None:
    kafka = FakeKafka({VALIDATED: 7}, {VALIDATED: 5})
    waiting = start(kafka, clock)
    for _ in range(10):
        await asyncio.sleep(0.001)
        await clock.advance(0.5)
    assert not waiting.done()
    kafka.ends[VALIDATED] = 1000
    kafka.offsets[VALIDATED] = 7
    assert not await outcome(waiting, clock)


async def test_a_persister_whose_position_belongs_to_a_log_that_is_gone_has_the_new_one_to_do(
    pending: dict[str, int], clock: ManualClock
) -> None:
    kafka = FakeKafka({VALIDATED: 7}, {VALIDATED: 5000})
    waiting = start(kafka, clock)
    for _ in range(10):
        await asyncio.sleep(0.001)
        await clock.advance(0.5)
    assert not waiting.done()
    kafka.offsets[VALIDATED] = 7
    assert not await outcome(waiting, clock)


async def test_it_does_not_wait_for_the_end_of_a_log_that_was_made_anew(pending: dict[str, int], clock: ManualClock) -> None:
    kafka = FakeKafka({VALIDATED: 5000}, {VALIDATED: 4000})
    waiting = start(kafka, clock)
    await asyncio.sleep(0.01)
    kafka.ends[VALIDATED], kafka.offsets[VALIDATED] = 7, 7
    assert not await outcome(waiting, clock)


async def test_what_is_done_behind_a_record_that_takes_long_is_not_told_as_unread(pending: dict[str, int], clock: ManualClock) -> None:
    window = OffsetWindow(3)
    for offset in range(3, 9):
        window.take(offset)
    for offset in range(4, 9):
        window.done(offset)
    pending["at the model or being scored"] = 1
    kafka = FakeKafka({PENDING: 10}, {PENDING: window.position}, window.metadata())
    backlog = await outcome(start(kafka, clock, timeout_s=5), clock)
    assert backlog.unread == {"llm_consumer_service": 2}


async def test_a_timeout_says_what_is_still_where(pending: dict[str, int], clock: ManualClock) -> None:
    pending["asked again after overload"] = 3
    kafka = FakeKafka({PENDING: 10, VALIDATED: 4}, {PENDING: 8, VALIDATED: 4})
    backlog = await outcome(start(kafka, clock, timeout_s=5), clock)
    assert backlog
    assert backlog.unread == {"llm_consumer_service": 2}
    assert str(backlog) == "pending questions: 3 asked again after overload; records not read: 2 by llm_consumer_service"


async def test_a_persister_that_never_comes_is_named(pending: dict[str, int], clock: ManualClock) -> None:
    backlog = await outcome(start(FakeKafka(dict.fromkeys(CONSUMED_BY[STORAGE_PERSISTER], 2), {}), clock, timeout_s=5), clock)
    assert backlog.unread == {STORAGE_PERSISTER: 2 * len(CONSUMED_BY[STORAGE_PERSISTER])}
