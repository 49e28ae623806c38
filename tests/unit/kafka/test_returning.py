import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping

import pytest

from streaming.kafka.client import Consumer, TopicPartition
from streaming.kafka.confluent import SESSION_TIMEOUT_S, KafkaConsumer
from streaming.kafka.consume import ConsumeLoop
from streaming.kafka.memory import MemoryBroker, MemoryConsumer
from tests.unit.kafka.brokers import until
from tests.unit.kafka.returning import PARTITIONS, STATES, ReturnBehaviour, committed, fill

TOPIC = "topic"
PLACES = [TopicPartition(TOPIC, partition) for partition in range(PARTITIONS)]

MOCK_CLUSTER = """
import sys
import confluent_kafka as ck
carrier = ck.Producer({"bootstrap.servers": "", "test.mock.num.brokers": 1, "log_level": 0})
(broker,) = carrier.list_topics(timeout=30).brokers.values()
print(f"{broker.host}:{broker.port}", flush=True)
sys.stdin.read()
"""


class TestInMemory(ReturnBehaviour):
    @pytest.fixture(autouse=True)
    def broker(self) -> None:
        self.begin()

    def begin(self) -> None:
        self.topic = TOPIC
        self.memory = MemoryBroker()
        self.memory.create(TOPIC, PARTITIONS)
        self.members: list[MemoryConsumer] = []

    def consumer(self, group: str) -> Consumer:  # type: ignore[override]
        self.members.append(self.memory.consumer(group))
        return self.members[-1]

    async def fill(self, count: int) -> None:  # type: ignore[override]
        for place in PLACES:
            for _ in range(count):
                await self.memory.append(TOPIC, b"", b"", place.partition)

    async def committed(self, group: str) -> Mapping[TopicPartition, int | None]:  # type: ignore[override]
        return {place: at.offset for place, at in self.memory.committed[group].items()}

    async def lose_and_regain(self, loop: ConsumeLoop, group: str) -> None:
        """The group expels the member, which finds out and joins again."""
        member = self.members[0]
        self.memory.expel(member)
        await until(lambda: self.memory.holds(member) and len(loop.assigned) == PARTITIONS, "they are back")

    @pytest.mark.parametrize("state", STATES)
    async def test_partitions_that_were_lost_and_come_back_are_read_to_their_end(self, state: str) -> None:
        await self.check(STATES[state], self.lose_and_regain)


class OnLibrdkafka(ReturnBehaviour):
    """librdkafka's own mock cluster, in a process that can be frozen. Rebalances take it half a minute: only a real Kafka runs them all."""

    def __init__(self, address: str) -> None:
        self.topic, self.address = TOPIC, address

    def consumer(self, group: str) -> Consumer:  # type: ignore[override]
        return KafkaConsumer(self.address, group)

    async def fill(self, count: int) -> None:  # type: ignore[override]
        await fill(self.address, TOPIC, count)

    async def committed(self, group: str) -> Mapping[TopicPartition, int | None]:  # type: ignore[override]
        return await committed(self.address, TOPIC, group)


@pytest.fixture
def cluster() -> Iterator["subprocess.Popen[str]"]:
    with subprocess.Popen([sys.executable, "-c", MOCK_CLUSTER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        yield process
        process.kill()


async def test_paused_partitions_are_read_on_after_an_outage_longer_than_the_groups_patience(
    cluster: "subprocess.Popen[str]", caplog: pytest.LogCaptureFixture
) -> None:
    assert cluster.stdout is not None
    address = cluster.stdout.readline().strip()

    async def freeze(loop: ConsumeLoop, group: str) -> None:
        cluster.send_signal(signal.SIGSTOP)
        try:
            thaw_at = time.monotonic() + SESSION_TIMEOUT_S + 2
            await until(lambda: time.monotonic() >= thaw_at, "the group's patience ends")
        finally:
            cluster.send_signal(signal.SIGCONT)
        await until(lambda: any(record.message.startswith("lost topic") for record in caplog.records), "the partitions are lost")
        await until(lambda: len(loop.assigned) == PARTITIONS, "they are back")

    await OnLibrdkafka(address).check(STATES["paused"], freeze)
