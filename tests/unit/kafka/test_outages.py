"""What fails within a rebalance, or for want of a topic, leaves the member alive: red, trying again, and at work once it is over."""

import asyncio
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import confluent_kafka as ck
import pytest

from streaming.clock import SystemClock
from streaming.errors import ClientFailed
from streaming.kafka import confluent
from streaming.kafka.client import Committed, TopicPartition
from streaming.kafka.confluent import KafkaConsumer
from streaming.kafka.consume import ConsumeLoop
from tests.unit.kafka.brokers import DEADLINE_S, Collecting, until
from tests.unit.kafka.returning import PARTITIONS, fill
from tests.unit.kafka.test_returning import MOCK_CLUSTER

TOPIC, GROUP = "topic", "group"
RECORDS, DONE_BEFORE = 10, 4
AWAY = [ck.KafkaError._TRANSPORT, ck.KafkaError.LEADER_NOT_AVAILABLE]


@pytest.fixture
def process() -> Iterator["subprocess.Popen[str]"]:
    with subprocess.Popen([sys.executable, "-c", MOCK_CLUSTER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        yield process
        process.kill()


@pytest.fixture
def cluster(process: "subprocess.Popen[str]") -> str:
    """A cluster whose topic has ten records in each partition; the group has done four of each."""
    assert process.stdout is not None
    address = process.stdout.readline().strip()
    asyncio.run(fill(address, TOPIC, RECORDS))
    before = ck.Consumer({"bootstrap.servers": address, "group.id": GROUP})
    before.commit(offsets=[ck.TopicPartition(TOPIC, partition, DONE_BEFORE) for partition in range(PARTITIONS)], asynchronous=False)
    before.close()
    return address


class Failing:
    """Stands before a consumer's question for its place in the log, and fails as told."""

    def __init__(self, consumer: KafkaConsumer, patch: pytest.MonkeyPatch) -> None:
        self.code: int | None = None
        self.before: Callable[[], object] = lambda: None
        ask = consumer._position_within_log

        def asking(place: ck.TopicPartition) -> ck.TopicPartition:
            self.before()
            if self.code is not None:
                raise ck.KafkaException(ck.KafkaError(self.code))
            return ask(place)

        patch.setattr(consumer, "_position_within_log", asking)


async def ended(loop: ConsumeLoop, task: "asyncio.Task[None]") -> None:
    loop.stop()
    await asyncio.wait({task}, timeout=DEADLINE_S)
    task.result()


async def read_on(loop: ConsumeLoop, task: "asyncio.Task[None]", step: Collecting) -> None:
    """What was not done is read, and nothing else; the member is green."""
    await until(lambda: loop.problem is None, "it is ready again")
    await until(lambda: len(step.taken) == PARTITIONS * (RECORDS - DONE_BEFORE), "everything that was left is read")
    assert {record.offset for record in step.taken} == set(range(DONE_BEFORE, RECORDS))
    await ended(loop, task)


@pytest.mark.parametrize("code", AWAY, ids=lambda code: ck.KafkaError(code).name())
async def test_an_outage_within_a_rebalance_keeps_the_member_red_until_it_is_over(
    cluster: str, code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    consumer, step = KafkaConsumer(cluster, GROUP), Collecting()
    failing = Failing(consumer, monkeypatch)
    failing.code = code
    loop = ConsumeLoop(consumer, [TOPIC], step, SystemClock())
    task = asyncio.create_task(loop.run())
    await until(lambda: task.done() or "positions" in (loop.problem or ""), "the problem is named")
    assert not task.done()
    assert not step.taken
    failing.code = None
    await read_on(loop, task, step)


async def test_a_cluster_that_stands_still_within_a_rebalance_is_asked_again_once_it_moves(
    process: "subprocess.Popen[str]", cluster: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(confluent, "POSITIONS_DEADLINE_S", 0.5)
    consumer, step = KafkaConsumer(cluster, GROUP), Collecting()
    Failing(consumer, monkeypatch).before = lambda: process.send_signal(signal.SIGSTOP)
    loop = ConsumeLoop(consumer, [TOPIC], step, SystemClock())
    task = asyncio.create_task(loop.run())
    try:
        await until(lambda: task.done() or "positions" in (loop.problem or ""), "the problem is named")
        assert not task.done()
        monkeypatch.undo()
    finally:
        process.send_signal(signal.SIGCONT)
    await read_on(loop, task, step)


async def test_a_topic_deleted_within_a_rebalance_holds_up_no_other(cluster: str, monkeypatch: pytest.MonkeyPatch) -> None:
    consumer, step = KafkaConsumer(cluster, GROUP), Collecting()
    ask = consumer._position_within_log

    def asking(place: ck.TopicPartition) -> ck.TopicPartition:
        if place.partition == 1:
            raise ck.KafkaException(ck.KafkaError(ck.KafkaError.UNKNOWN_TOPIC_OR_PART))
        return ask(place)

    monkeypatch.setattr(consumer, "_position_within_log", asking)
    loop = ConsumeLoop(consumer, [TOPIC], step, SystemClock())
    task = asyncio.create_task(loop.run())
    await until(lambda: task.done() or len(step.taken) == (PARTITIONS - 1) * (RECORDS - DONE_BEFORE), "the others are read")
    assert not task.done()
    assert TOPIC in (loop.problem or "")
    monkeypatch.undo()
    await read_on(loop, task, step)


async def test_positions_that_may_not_be_read_end_the_member(cluster: str, monkeypatch: pytest.MonkeyPatch) -> None:
    consumer = KafkaConsumer(cluster, GROUP)
    Failing(consumer, monkeypatch).code = ck.KafkaError.GROUP_AUTHORIZATION_FAILED
    task = asyncio.create_task(ConsumeLoop(consumer, [TOPIC], Collecting(), SystemClock()).run())
    await asyncio.wait({task}, timeout=DEADLINE_S)
    with pytest.raises(ClientFailed):
        task.result()


@pytest.mark.parametrize("raised", [False, True], ids=["of one partition", "of all"])
async def test_a_commit_in_a_topic_that_was_deleted_is_made_later_and_ends_nothing(
    cluster: str, raised: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = ck.KafkaError(ck.KafkaError.UNKNOWN_TOPIC_OR_PART)
    consumer = KafkaConsumer(cluster, GROUP)

    def commit(offsets: list[ck.TopicPartition], asynchronous: bool) -> list[Any]:
        if raised:
            raise ck.KafkaException(gone)
        return [SimpleNamespace(topic=place.topic, partition=place.partition, error=gone) for place in offsets]

    cluster_of = consumer._consumer
    monkeypatch.setattr(consumer, "_consumer", SimpleNamespace(commit=commit, list_topics=lambda timeout: SimpleNamespace(topics={})))
    consumer._topics = frozenset([TOPIC])
    assert not await consumer.commit({TopicPartition(TOPIC, 0): Committed(1, "")})
    assert TOPIC in (consumer.problem or "")
    monkeypatch.setattr(consumer, "_consumer", cluster_of)
    await consumer.close()


async def test_what_a_rebalance_raises_reaches_whoever_fetches(cluster: str, monkeypatch: pytest.MonkeyPatch) -> None:
    consumer = KafkaConsumer(cluster, GROUP)

    def failing_in_librdkafka(place: ck.TopicPartition) -> ck.TopicPartition:
        # Raised by the binding itself, not by Python: it would raise that again as a type that no handler catches.
        consumer._consumer.get_watermark_offsets(ck.TopicPartition("nowhere", 99), timeout=1, cached=False)
        return place

    monkeypatch.setattr(consumer, "_readable", lambda: [failing_in_librdkafka(ck.TopicPartition(TOPIC, 0))])
    loop = ConsumeLoop(consumer, [TOPIC], Collecting(), SystemClock())
    running = asyncio.create_task(loop.run())
    done, _ = await asyncio.wait({running}, timeout=DEADLINE_S)
    assert done, "it hangs"
    assert isinstance(running.exception(), ck.KafkaException)
