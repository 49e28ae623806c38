"""The same behaviour as on the broker in memory, on a real Kafka; and what only a real one shows."""

import asyncio
import time
from collections.abc import AsyncIterator
from uuid import uuid4

import confluent_kafka as ck
import pytest
from confluent_kafka import admin as ck_admin

from streaming import settings, topics
from streaming.clock import SystemClock
from streaming.errors import DeliveryFailed, RecordTooLarge, Unreachable
from streaming.kafka.admin import KafkaAdmin
from streaming.kafka.client import Consumer, TopicPartition
from streaming.kafka.confluent import KafkaConsumer
from streaming.kafka.consume import ConsumeLoop
from streaming.kafka.positions import KafkaPositions, Log
from streaming.kafka.producer import KafkaProducer
from streaming.topics import MAX_MESSAGE_BYTES, TopicSpec
from tests.unit.kafka.brokers import BrokerBehaviour, Collecting, until
from tests.unit.kafka.returning import FEW, PARTITIONS, ReturnBehaviour, committed, fill
from tests.unit.kafka.test_outages import Failing

pytestmark = pytest.mark.integration

NOBODY = "127.0.0.1:9"


class TestKafka(BrokerBehaviour):
    @pytest.fixture(autouse=True)
    async def broker(self) -> AsyncIterator[None]:
        self.bootstrap = settings.load().kafka_bootstrap
        self.admin = KafkaAdmin(self.bootstrap)
        self.topic = f"test-{uuid4()}"
        await asyncio.to_thread(self.admin.create, [TopicSpec(self.topic, topics.TOPICS[0].message, 1)], 1)
        self.producer = KafkaProducer(self.bootstrap)
        yield
        await self.producer.close()
        await asyncio.to_thread(self.admin.delete, [self.topic])

    def consumer(self, group: str) -> Consumer:  # type: ignore[override]
        return KafkaConsumer(self.bootstrap, group)

    async def test_an_onlooker_sees_what_a_group_has_committed_and_where_the_log_ends(self) -> None:
        group, place = f"group-{uuid4()}", TopicPartition(self.topic, 0)
        await self.send(4)
        step = Collecting()
        loop, task = self.running(step, group)
        await until(lambda: len(step.taken) == 4, "all arrive")
        step.finish(0, 1)
        loop.stop()
        await asyncio.wait_for(task, 30)
        kafka = KafkaPositions(self.bootstrap)
        assert await asyncio.to_thread(kafka.logs, [self.topic]) == {place: Log(0, 4)}
        assert (await asyncio.to_thread(kafka.positions, group, [place]))[place].offset == 2
        assert (await asyncio.to_thread(kafka.positions, f"nobody-{uuid4()}", [place]))[place].offset is None

    async def test_two_members_share_the_partitions_and_a_leaving_one_hands_its_own_over(self) -> None:
        self.topic = f"test-{uuid4()}"
        await asyncio.to_thread(self.admin.create, [TopicSpec(self.topic, topics.TOPICS[0].message, 4)], 1)
        group = f"group-{uuid4()}"
        first, second = Collecting(), Collecting()
        loop_1, task_1 = self.running(first, group)
        await until(lambda: len(loop_1.assigned) == 4, "the first holds all")
        loop_2, task_2 = self.running(second, group)
        await until(lambda: len(loop_1.assigned) == len(loop_2.assigned) == 2, "two each")
        loop_1.stop()
        await asyncio.wait_for(task_1, 30)
        await until(lambda: len(loop_2.assigned) == 4, "the second holds all")
        await self.send(8)
        await until(lambda: len(second.taken) == 8, "and gets all")
        loop_2.stop()
        await asyncio.wait_for(task_2, 30)

    async def test_a_topic_deleted_under_a_live_member_keeps_it_red_until_it_is_made_again(self) -> None:
        step, spec = Collecting(), TopicSpec(self.topic, topics.TOPICS[0].message, 1)
        await self.send(20)
        loop, task = self.running(step, f"group-{uuid4()}")
        await until(lambda: len(step.taken) == 20, "the topic is read")
        await asyncio.to_thread(self.admin.delete, [self.topic])
        step.finish(*range(10))
        await until(lambda: task.done() or self.topic in (loop.problem or ""), "the problem names the topic")
        assert not task.done()
        await asyncio.to_thread(self.admin.create, [spec], 1)
        await self.send(5)
        await until(lambda: task.done() or (len(step.taken) == 25 and loop.problem is None), "the new topic is read from its start")
        assert not task.done()
        loop.stop()
        await asyncio.wait_for(task, 30)

    async def test_a_record_over_eight_mebibytes_is_refused_by_name(self) -> None:
        with pytest.raises(RecordTooLarge, match="allowed"):
            await self.producer.send(self.topic, "big", b"x" * (MAX_MESSAGE_BYTES + 1))

    async def test_a_record_just_below_eight_mebibytes_passes(self) -> None:
        delivered = await self.producer.send(self.topic, "big", b"x" * (MAX_MESSAGE_BYTES - 1000))
        assert delivered.topic == self.topic


class TestReturningPartitions(ReturnBehaviour):
    @pytest.fixture(autouse=True)
    async def broker(self) -> AsyncIterator[None]:
        self.bootstrap, self.topic = settings.load().kafka_bootstrap, f"test-{uuid4()}"
        admin = KafkaAdmin(self.bootstrap)
        await asyncio.to_thread(admin.create, [TopicSpec(self.topic, topics.TOPICS[0].message, PARTITIONS)], 1)
        yield
        await asyncio.to_thread(admin.delete, [self.topic])

    def consumer(self, group: str) -> Consumer:  # type: ignore[override]
        return KafkaConsumer(self.bootstrap, group)

    async def fill(self, count: int) -> None:  # type: ignore[override]
        await fill(self.bootstrap, self.topic, count)

    async def committed(self, group: str) -> dict[TopicPartition, int | None]:  # type: ignore[override]
        return await committed(self.bootstrap, self.topic, group)

    async def test_partitions_that_leave_before_their_positions_are_known_are_forgotten(self, monkeypatch: pytest.MonkeyPatch) -> None:
        group, step = f"group-{uuid4()}", Collecting()
        await self.fill(FEW)
        consumer = KafkaConsumer(self.bootstrap, group)
        failing = Failing(consumer, monkeypatch)
        failing.code = ck.KafkaError._TRANSPORT
        loop = ConsumeLoop(consumer, [self.topic], step, SystemClock())
        task = asyncio.create_task(loop.run())
        await until(lambda: task.done() or "positions" in (loop.problem or ""), "the problem is named")
        newcomer = ConsumeLoop(self.consumer(group), [self.topic], Collecting(room=0), SystemClock())
        newcomer_task = asyncio.create_task(newcomer.run())
        await until(lambda: task.done() or len(newcomer.assigned) == PARTITIONS // 2, "the newcomer takes half")
        assert not task.done()
        failing.code = None
        await until(lambda: len(loop.assigned) == PARTITIONS // 2, "this one keeps the other half")
        newcomer.stop()
        await asyncio.wait_for(newcomer_task, 30)
        await until(lambda: len(step.taken) == PARTITIONS * FEW and loop.problem is None, "it reads all in the end")
        loop.stop()
        await asyncio.wait_for(task, 30)


async def test_a_record_that_no_broker_takes_fails_within_its_deadline() -> None:
    producer = KafkaProducer(NOBODY, message_timeout_s=1)
    with pytest.raises(DeliveryFailed, match="questions-pending"):
        await asyncio.wait_for(producer.send("questions-pending", "k", b"v"), 10)
    await producer.close()


def test_an_admin_without_a_broker_says_which_address_does_not_answer() -> None:
    with pytest.raises(Unreachable, match=NOBODY):
        KafkaAdmin(NOBODY).topics()


def test_the_topics_are_as_declared() -> None:
    admin = KafkaAdmin(settings.load().kafka_bootstrap)
    assert admin.drift(topics.TOPICS) == []
    assert admin.create(topics.TOPICS, 1) == []


def test_a_topic_that_differs_from_its_declaration_is_reported() -> None:
    admin = KafkaAdmin(settings.load().kafka_bootstrap)
    name = f"test-{uuid4()}"
    admin.create([TopicSpec(name, topics.TOPICS[0].message, 1)], 1)
    declared = TopicSpec(name, topics.TOPICS[0].message, 5)
    assert [str(each) for each in admin.drift([declared])] == [f"{name}: partitions is 1, declared 5"]
    admin.delete([name])


def test_provisioning_makes_an_existing_topic_keep_the_brokers_time_and_changes_nothing_else() -> None:
    bootstrap = settings.load().kafka_bootstrap
    admin, cluster = KafkaAdmin(bootstrap), ck_admin.AdminClient({"bootstrap.servers": bootstrap})
    name, times = f"test-{uuid4()}", "message.timestamp.type"
    old = ck_admin.NewTopic(name, 1, 1, config={times: "CreateTime", "retention.ms": "123456", "max.message.bytes": "1000000"})
    cluster.create_topics([old])[name].result(30)
    declared = TopicSpec(name, topics.TOPICS[0].message, 1)
    until_shown(admin, name)

    repaired = admin.repair(admin.drift([declared]))

    assert [str(each) for each in repaired] == [f"{name}: {times} is CreateTime, declared LogAppendTime"]
    left = {(each.setting, each.actual) for each in admin.drift([declared])}
    assert left == {("retention.ms", "123456"), ("max.message.bytes", "1000000")}
    admin.delete([name])


def until_shown(admin: KafkaAdmin, name: str) -> None:
    deadline = time.monotonic() + 30
    while name not in admin.topics():
        assert time.monotonic() < deadline, f"{name} is shown"


@pytest.mark.parametrize(("unit", "own_time"), [("milliseconds of 2019", 1_546_300_800_000), ("microseconds", 1_900_000_000_000_000)])
async def test_a_records_own_time_decides_nothing_about_how_long_it_is_kept(unit: str, own_time: int) -> None:
    bootstrap, topic = settings.load().kafka_bootstrap, f"test-{uuid4()}"
    admin = KafkaAdmin(bootstrap)
    await asyncio.to_thread(admin.create, [TopicSpec(topic, topics.TOPICS[0].message, 1)], 1)
    before = time.time() * 1000
    producer = ck.Producer({"bootstrap.servers": bootstrap})
    producer.produce(topic, b"v", timestamp=own_time)
    assert await asyncio.to_thread(producer.flush, 30) == 0
    step = Collecting()
    loop = ConsumeLoop(KafkaConsumer(bootstrap, f"group-{uuid4()}"), [topic], step, SystemClock())
    task = asyncio.create_task(loop.run())
    await until(lambda: len(step.taken) == 1, "it arrives")
    assert before - 60_000 < step.taken[0].timestamp_ms < before + 60_000, unit
    loop.stop()
    await asyncio.wait_for(task, 30)
    await asyncio.to_thread(admin.delete, [topic])
