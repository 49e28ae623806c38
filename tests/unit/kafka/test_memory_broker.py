import asyncio

import pytest

from streaming.errors import DeliveryFailed, Unreachable
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

    async def test_fetching_a_topic_that_does_not_exist_names_the_command_that_makes_it(self) -> None:
        self.topic = "missing"
        consumer = self.memory.consumer("g")

        async def ignore(_: object) -> dict[object, object]:
            return {}

        await consumer.subscribe(["missing"], ignore, ignore, ignore)  # type: ignore[arg-type]
        with pytest.raises(Unreachable, match="provision"):
            await consumer.fetch(1, 0.01)
