"""Consumer and producer on librdkafka's own mock cluster: what no broker in memory shows."""

import asyncio
from collections.abc import Iterator
from typing import Any

import confluent_kafka as ck
import pytest

from streaming.clock import SystemClock
from streaming.errors import ClientFailed, ConfigurationError, DeliveryFailed, RecordTooLarge
from streaming.kafka import confluent
from streaming.kafka.backlog import PLENTY
from streaming.kafka.confluent import KafkaConsumer
from streaming.kafka.consume import ConsumeLoop
from streaming.kafka.producer import KafkaProducer
from tests.unit.kafka.brokers import DEADLINE_S, Collecting, until

NOBODY = "127.0.0.1:9"
TOPIC = "topic"


@pytest.fixture
def cluster() -> Iterator[str]:
    """The address of a mock cluster, which lives as long as the client that carries it."""
    carrier = ck.Producer({"bootstrap.servers": "", "test.mock.num.brokers": 1, "log_level": 0})
    (broker,) = carrier.list_topics(timeout=DEADLINE_S).brokers.values()
    address = f"{broker.host}:{broker.port}"
    assert len(carrier.list_topics(TOPIC, timeout=DEADLINE_S).topics[TOPIC].partitions) == 4
    yield address
    carrier.flush(0)


def fill(address: str, count: int) -> None:
    producer = ck.Producer({"bootstrap.servers": address})
    for number in range(count):
        producer.produce(TOPIC, str(number), partition=number % 4)
    assert producer.flush(DEADLINE_S) == 0


async def ended(loop: ConsumeLoop, task: "asyncio.Task[None]") -> None:
    loop.stop()
    await asyncio.wait({task}, timeout=DEADLINE_S)


async def test_partitions_that_leave_while_they_are_paused_are_read_on_when_they_come_back(cluster: str) -> None:
    count = 4 * (PLENTY + 100)
    fill(cluster, count)
    step = Collecting(room=1)
    loop = ConsumeLoop(KafkaConsumer(cluster, "group"), [TOPIC], step, SystemClock())
    task = asyncio.create_task(loop.run())
    await until(lambda: len(loop.paused) == 4, "the backlog pauses all four")
    newcomer = ConsumeLoop(KafkaConsumer(cluster, "group"), [TOPIC], Collecting(room=0), SystemClock())
    newcomer_task = asyncio.create_task(newcomer.run())
    await until(lambda: len(newcomer.assigned) == 2, "the newcomer takes two")
    await ended(newcomer, newcomer_task)
    await until(lambda: len(loop.assigned) == 4, "they are back")
    step.room = count
    step.finish()
    await until(lambda: len({(record.partition, record.offset) for record in step.taken}) == count, "everything is read")
    await ended(loop, task)


async def test_a_member_is_ready_only_once_it_holds_a_partition() -> None:
    loop = ConsumeLoop(KafkaConsumer(NOBODY, "group"), [TOPIC], Collecting(), SystemClock())
    assert "no partition is assigned" in (loop.problem or "")
    task = asyncio.create_task(loop.run())
    await until(lambda: f"Kafka at {NOBODY} cannot be reached" in (loop.problem or ""), "the address that does not answer is named")
    assert not task.done()
    await ended(loop, task)


async def test_a_missing_topic_keeps_a_member_red_until_it_is_there(cluster: str) -> None:
    loop = ConsumeLoop(KafkaConsumer(cluster, "group"), [TOPIC, "later"], Collecting(), SystemClock())
    task = asyncio.create_task(loop.run())
    await until(lambda: "later" in (loop.problem or "") and len(loop.assigned) == 4, "one is missing, the other is read")
    fill(cluster, 8)
    await until(lambda: loop.in_flight == 8, "records of the other arrive")
    assert "later" in (loop.problem or "")
    await ended(loop, task)


class Event:
    """A message of librdkafka: a record, or an error where one would be."""

    def __init__(self, offset: int | None = None, error: ck.KafkaError | None = None) -> None:
        self._offset, self._error = offset, error

    def error(self) -> ck.KafkaError | None:
        return self._error

    def topic(self) -> str:
        return TOPIC if self._error is None else "gone"

    def partition(self) -> int:
        return 0

    def offset(self) -> int | None:
        return self._offset

    def key(self) -> bytes:
        return b""

    def value(self) -> bytes:
        return b""

    def timestamp(self) -> tuple[int, int]:
        return 1, 0


async def fetched(consumer: KafkaConsumer, monkeypatch: pytest.MonkeyPatch, *events: Event) -> list[int]:
    batch: Any = list(events)
    monkeypatch.setattr(consumer, "_poll", lambda most, timeout_s: batch)
    return [record.offset for record in await consumer.fetch(500, 0.1)]


async def test_an_error_event_before_records_throws_none_of_them_away(cluster: str, monkeypatch: pytest.MonkeyPatch) -> None:
    consumer = KafkaConsumer(cluster, "group")
    gone = Event(error=ck.KafkaError(ck.KafkaError.UNKNOWN_TOPIC_OR_PART))
    assert await fetched(consumer, monkeypatch, gone, Event(102), Event(103)) == [102, 103]
    assert "gone" in (consumer.problem or "")
    await consumer.close()


@pytest.mark.parametrize("code", [ck.KafkaError.GROUP_AUTHORIZATION_FAILED, ck.KafkaError.TOPIC_AUTHORIZATION_FAILED, ck.KafkaError._FATAL])
async def test_what_no_further_try_helps_ends_the_consumer(cluster: str, monkeypatch: pytest.MonkeyPatch, code: int) -> None:
    consumer = KafkaConsumer(cluster, "group")
    with pytest.raises(ClientFailed):
        await fetched(consumer, monkeypatch, Event(error=ck.KafkaError(code)))
    await consumer.close()


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (ck.KafkaError._FATAL, ClientFailed),
        (ck.KafkaError.TOPIC_AUTHORIZATION_FAILED, ClientFailed),
        (ck.KafkaError.CLUSTER_AUTHORIZATION_FAILED, ClientFailed),
        (ck.KafkaError.SASL_AUTHENTICATION_FAILED, ClientFailed),
        (ck.KafkaError._MSG_TIMED_OUT, DeliveryFailed),
        (ck.KafkaError._ALL_BROKERS_DOWN, DeliveryFailed),
        (ck.KafkaError.MSG_SIZE_TOO_LARGE, RecordTooLarge),
    ],
)
async def test_the_kind_of_an_error_says_whether_sending_again_helps(cluster: str, code: int, kind: type[Exception]) -> None:
    producer = KafkaProducer(cluster)
    report: Any = (asyncio.get_running_loop().create_future(), ck.KafkaError(code), Sent())
    producer._reports.append(report)
    producer._settle()
    with pytest.raises(kind):
        await report[0]
    await producer.close()


class Sent:
    def topic(self) -> str:
        return TOPIC

    def key(self) -> bytes:
        return b"k"

    def value(self) -> bytes:
        return b"v"


async def test_a_position_beyond_the_end_of_the_log_begins_anew(cluster: str) -> None:
    fill(cluster, 40)
    ahead = ck.Consumer({"bootstrap.servers": cluster, "group.id": "group"})
    ahead.commit(offsets=[ck.TopicPartition(TOPIC, partition, 5000) for partition in range(4)], asynchronous=False)
    ahead.close()
    step = Collecting()
    loop = ConsumeLoop(KafkaConsumer(cluster, "group"), [TOPIC], step, SystemClock())
    task = asyncio.create_task(loop.run())
    await until(lambda: len(step.taken) == 40, "the whole log is read")
    await ended(loop, task)


def test_the_deadline_of_a_check_is_shorter_than_a_groups_patience() -> None:
    assert confluent.CHECK_DEADLINE_S < confluent.SESSION_TIMEOUT_S


class Fatal:
    """librdkafka's producer in a fatal state: it says so once, and gives up what it holds."""

    def __init__(self) -> None:
        self._held: list[Any] = []
        self._told = False

    def produce(self, topic: str, value: bytes, key: str, on_delivery: Any) -> None:
        self._held.append(on_delivery)

    def poll(self, timeout: float) -> None:
        if self._held and not self._told:
            self._told = True
            raise ck.KafkaException(ck.KafkaError(ck.KafkaError._FATAL, "no producer id for this login", fatal=True))
        while self._told and self._held:
            self._held.pop()(ck.KafkaError(ck.KafkaError._PURGE_QUEUE), Sent())

    def flush(self, timeout: float) -> int:
        return 0


async def test_whoever_sends_is_told_when_the_producer_is_of_no_more_use(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ck, "Producer", lambda _: Fatal())
    producer = KafkaProducer(NOBODY)
    with pytest.raises(ClientFailed, match="of no more use: no producer id for this login"):
        async with asyncio.timeout(DEADLINE_S):
            await producer.send(TOPIC, "key", b"value")
    await producer.close()


async def test_a_login_that_kafka_goes_on_refusing_ends_the_consumer(cluster: str) -> None:
    consumer = KafkaConsumer(cluster, "group")
    for _ in range(3):
        consumer._on_error(ck.KafkaError(ck.KafkaError._AUTHENTICATION))
    with pytest.raises(ConfigurationError, match="ANSWERLOOP_KAFKA_SASL_PASSWORD"):
        await consumer.fetch(1, 0.1)
    await consumer.close()
