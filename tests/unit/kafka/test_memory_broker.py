import asyncio
from collections.abc import Mapping

import pytest

from streaming import metrics
from streaming.clock import SystemClock
from streaming.errors import DeliveryFailed
from streaming.kafka.backlog import PLENTY_BYTES
from streaming.kafka.client import Committed, TopicPartition
from streaming.kafka.consume import ConsumeLoop
from streaming.kafka.memory import MemoryBroker
from tests.unit.kafka.brokers import BrokerBehaviour, Collecting, until


class TestMemoryBroker(BrokerBehaviour):
    @pytest.fixture(autouse=True)
    def broker(self) -> None:
        self.memory = MemoryBroker()
        self.topic = "topic"
        self.memory.create(self.topic)
        self.producer = self.memory.producer()
        self.consumer = self.memory.consumer

    async def test_a_second_member_takes_partitions_over_where_the_first_left_them(self) -> None:
        self.memory.create(self.topic, 2)
        await self.send(20)
        first = Collecting()
        loop_1, task_1 = self.running(first, "group")
        await until(lambda: len(first.taken) == 20, "the first gets all")
        first.finish()
        second = Collecting()
        loop_2, task_2 = self.running(second, "group")
        await until(lambda: len(loop_1.assigned) == len(loop_2.assigned) == 1, "one partition each")
        await self.send(20)
        await until(lambda: len(first.taken) + len(second.taken) == 40, "all arrive")
        assert {record.offset for record in second.taken}.isdisjoint(
            {record.offset for record in first.taken if record.source == second.taken[0].source}
        )
        for loop, task in ((loop_1, task_1), (loop_2, task_2)):
            loop.stop()
            await asyncio.wait_for(task, 10)

    async def test_a_topic_that_does_not_exist_is_a_problem_not_an_end(self) -> None:
        self.topic = "missing"
        loop, task = self.running(Collecting(), "group")
        await until(lambda: "provision" in (loop.problem or ""), "the problem is named")
        assert not task.done()
        loop.stop()
        await asyncio.wait_for(task, 10)

    async def test_nothing_is_delivered_while_the_broker_is_away(self) -> None:
        self.memory.away = True
        with pytest.raises(DeliveryFailed):
            await self.producer.send(self.topic, "k", b"v")

    async def test_a_member_of_a_topic_that_does_not_exist_names_the_command_that_makes_it(self) -> None:
        consumer = self.memory.consumer("g")

        async def ignore(_: object) -> dict[object, object]:
            return {}

        await consumer.subscribe(["missing"], ignore, ignore, ignore)  # type: ignore[arg-type]
        assert await consumer.fetch(1, 0.01) == []
        assert "provision" in (consumer.problem or "")

    async def test_a_log_made_anew_under_a_live_member_is_read_from_its_start(self) -> None:
        step = Collecting()
        await self.send(20)
        loop, task = self.running(step, "group")
        await until(lambda: len(step.taken) == 20, "the old log is read")
        step.finish(*range(10))
        self.memory.truncate(TopicPartition(self.topic, 0))
        await self.send(5)
        await until(lambda: len(step.taken) == 25, "the new log is read too")
        step.finish()
        loop.stop()
        await asyncio.wait_for(task, 10)
        assert self.memory.committed["group"][TopicPartition(self.topic, 0)] == Committed(5, "")

    async def test_a_topic_deleted_under_a_live_member_is_a_problem_until_it_is_there_again(self) -> None:
        self.memory.create("other")
        step = Collecting()
        await self.send(20)
        loop = ConsumeLoop(self.memory.consumer("group"), [self.topic, "other"], step, SystemClock())
        task = asyncio.create_task(loop.run())
        await until(lambda: len(step.taken) == 20, "the topic is read")
        step.finish(*range(10))
        self.memory.delete(self.topic)
        await until(lambda: self.topic in (loop.problem or "") and len(loop.assigned) == 1, "the problem names the topic")
        await self.producer.send("other", "k", b"v")
        await until(lambda: step.taken[-1].topic == "other", "the other topic is read on")
        self.memory.create(self.topic)
        await self.send(5)
        await until(lambda: len(step.taken) == 26 and loop.problem is None, "the new topic is read from its start")
        step.finish()
        loop.stop()
        await asyncio.wait_for(task, 10)
        assert self.memory.committed["group"][TopicPartition(self.topic, 0)] == Committed(5, "")

    async def test_a_member_that_starts_during_an_outage_is_red_and_reads_on_where_its_group_was_once_it_is_over(self) -> None:
        await self.send(20)
        self.memory.committed["group"][TopicPartition(self.topic, 0)] = Committed(15, "")
        self.memory.away = True
        step = Collecting()
        loop, task = self.running(step, "group")
        await until(lambda: "away" in (loop.problem or ""), "the problem is named")
        assert not task.done()
        self.memory.away = False
        await until(lambda: len(step.taken) == 5 and loop.problem is None, "it reads")
        assert step.taken[0].offset == 15
        loop.stop()
        await asyncio.wait_for(task, 10)

    async def test_large_records_pause_a_partition_long_before_there_are_many(self) -> None:
        step = Collecting(room=0)
        for _ in range(5):
            await self.producer.send(self.topic, "k", b"x" * (PLENTY_BYTES // 4))
        loop, task = self.running(step, "group")
        await until(lambda: len(loop.paused) == 1, "it pauses")
        step.room = 10
        await until(lambda: len(step.taken) == 5 and not loop.paused, "all arrive, and it goes on")
        loop.stop()
        await asyncio.wait_for(task, 10)

    async def test_without_a_broker_a_member_says_so(self) -> None:
        loop, task = self.running(Collecting(), "group")
        await until(lambda: loop.problem is None, "it works")
        self.memory.away = True
        assert "away" in (loop.problem or "")
        self.memory.away = False
        loop.stop()
        await asyncio.wait_for(task, 10)

    async def test_a_member_beyond_the_number_of_partitions_is_ready_once_its_group_has_answered(self) -> None:
        loop, task = self.running(Collecting(), "group")
        await until(lambda: len(loop.assigned) == 1, "the first holds the only partition")
        spare, spare_task = self.running(Collecting(), "group")
        assert "has not answered" in (spare.problem or "")
        await until(lambda: spare.problem is None, "the spare one is ready")
        assert not spare.assigned
        for each, ending in ((loop, task), (spare, spare_task)):
            each.stop()
            await asyncio.wait_for(ending, 10)

    async def test_the_loop_counts_each_record_that_it_hands_over(self) -> None:
        def counted() -> float:
            return metrics.RECORDS.labels("counting", self.topic)._value.get()

        step = Collecting(room=3)
        await self.send(5)
        loop, task = self.running(step, "counting")
        await until(lambda: len(step.taken) == 3, "three are handed over")
        assert counted() == 3
        step.finish()
        await until(lambda: len(step.taken) == 5, "so are the others")
        assert counted() == 5
        loop.stop()
        await asyncio.wait_for(task, 10)

    async def test_a_commit_of_a_partition_that_another_member_holds_is_refused(self) -> None:
        step = Collecting()
        loop, task = self.running(step, "group")
        await until(lambda: len(loop.assigned) == 1, "the partition is held")
        stranger = self.memory.consumer("group")
        assert not await stranger.commit({TopicPartition(self.topic, 0): Committed(1, "")})
        loop.stop()
        await asyncio.wait_for(task, 10)

    async def test_a_commit_that_was_refused_is_made_again_though_nothing_more_is_done(self) -> None:
        step, place = Collecting(), TopicPartition(self.topic, 0)
        refused: list[object] = []
        await self.send(3)
        member = self.memory.consumer("group")
        commit = member.commit

        async def refuse_twice(positions: Mapping[TopicPartition, Committed]) -> bool:
            if positions[place].offset == 3 and len(refused) < 2:
                refused.append(positions)
                return False
            return await commit(positions)

        member.commit = refuse_twice  # type: ignore[method-assign]
        loop = ConsumeLoop(member, [self.topic], step, SystemClock())
        task = asyncio.create_task(loop.run())
        await until(lambda: len(step.taken) == 3, "all arrive")
        step.finish()
        await until(lambda: self.memory.committed["group"].get(place) == Committed(3, ""), "it is committed in the end")
        assert len(refused) == 2
        loop.stop()
        await asyncio.wait_for(task, 10)
