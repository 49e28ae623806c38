"""How a service behaves on Kafka: one suite, run against the broker in memory and against a real one."""

import asyncio
from collections.abc import Callable, Collection, Mapping
from uuid import uuid4

from streaming.clock import SystemClock
from streaming.kafka.backlog import PLENTY
from streaming.kafka.client import Consumer, Producer, Record, TopicPartition
from streaming.kafka.consume import ConsumeLoop

DEADLINE_S = 30.0


class Collecting:
    """A step that keeps what it was given until the test says that it is done."""

    def __init__(self, room: int = 1000) -> None:
        self.open: dict[Record, Callable[[], None]] = {}
        self.taken: list[Record] = []
        self.room = room

    def ready(self) -> bool:
        return len(self.open) < self.room

    def take(self, record: Record, done: Callable[[], None]) -> None:
        self.taken.append(record)
        self.open[record] = done

    def finish(self, *offsets: int) -> None:
        for record in [record for record in self.open if not offsets or record.offset in offsets]:
            self.open.pop(record)()

    async def quiesce(self, partitions: Collection[TopicPartition]) -> None:
        return None

    def drop(self, partitions: Collection[TopicPartition]) -> None:
        self.open = {record: done for record, done in self.open.items() if record.source not in partitions}

    async def run(self) -> None:
        await asyncio.Event().wait()

    def problems(self) -> Mapping[str, str]:
        return {}


async def until(condition: Callable[[], bool], what: str) -> None:
    async with asyncio.timeout(DEADLINE_S):
        while not condition():
            await asyncio.sleep(0.01)
    assert condition(), what


class BrokerBehaviour:
    """Subclasses give `topic` (one partition), `producer` and `consumer(group)`."""

    topic: str
    producer: Producer
    consumer: Callable[[str], Consumer]

    def running(self, step: Collecting, group: str, window: int = 10_000) -> tuple[ConsumeLoop, "asyncio.Task[None]"]:
        loop = ConsumeLoop(self.consumer(group), [self.topic], step, SystemClock(), window)
        return loop, asyncio.create_task(loop.run())

    async def send(self, count: int) -> None:
        await asyncio.gather(*(self.producer.send(self.topic, f"{index}", f"{index}".encode()) for index in range(count)))

    async def test_a_restart_gets_what_was_not_done_and_nothing_else(self) -> None:
        group = f"group-{uuid4()}"
        await self.send(6)
        first = Collecting()
        loop, task = self.running(first, group)
        await until(lambda: len(first.taken) == 6, "all six arrive")
        first.finish(0, 1, 4)
        loop.stop()
        await asyncio.wait_for(task, DEADLINE_S)

        second = Collecting()
        loop, task = self.running(second, group)
        await until(lambda: len(second.taken) == 3, "the open ones arrive again")
        await self.send(1)
        await until(lambda: len(second.taken) == 4, "and the new one")
        assert [record.offset for record in second.taken] == [2, 3, 5, 6]
        loop.stop()
        await asyncio.wait_for(task, DEADLINE_S)

    async def test_a_step_without_room_gets_no_more_until_something_is_done(self) -> None:
        step = Collecting(room=2)
        await self.send(5)
        loop, task = self.running(step, f"group-{uuid4()}")
        await until(lambda: len(step.taken) == 2, "two arrive")
        await asyncio.sleep(0.3)
        assert len(step.taken) == 2
        step.finish(0)
        await until(lambda: len(step.taken) == 3, "a third follows")
        loop.stop()
        await asyncio.wait_for(task, DEADLINE_S)

    async def test_a_partition_pauses_at_the_end_of_its_window_and_goes_on_when_the_window_moves(self) -> None:
        step = Collecting()
        await self.send(10)
        loop, task = self.running(step, f"group-{uuid4()}", window=4)
        await until(lambda: len(step.taken) == 4, "the window fills")
        step.finish(1, 2, 3)
        await asyncio.sleep(0.3)
        assert len(step.taken) == 4
        step.finish(0)
        await until(lambda: len(step.taken) == 8, "the window has moved by four")
        loop.stop()
        await asyncio.wait_for(task, DEADLINE_S)

    async def test_a_step_that_fails_ends_the_service(self) -> None:
        class Failing(Collecting):
            async def run(self) -> None:
                raise ZeroDivisionError

        _, task = self.running(Failing(), f"group-{uuid4()}")
        done, _ = await asyncio.wait([task], timeout=DEADLINE_S)
        assert done
        assert isinstance(task.exception(), ZeroDivisionError)

    async def test_a_partition_that_leaves_while_it_is_paused_is_read_on_when_it_comes_back(self) -> None:
        group, step = f"group-{uuid4()}", Collecting(room=1)
        await self.send(PLENTY + 100)
        loop, task = self.running(step, group)
        await until(lambda: loop.paused == {TopicPartition(self.topic, 0)}, "its backlog pauses the partition")
        # The newcomer takes the only partition or leaves it; either way the partition is this member's again when the newcomer has gone.
        newcomer = Collecting(room=0)
        other, other_task = self.running(newcomer, group)
        await self.send(1)
        await until(lambda: len(loop.assigned) + len(other.assigned) == 1, "one of the two holds the partition")
        other.stop()
        await asyncio.wait_for(other_task, DEADLINE_S)
        await until(lambda: len(loop.assigned) == 1, "it is back")
        step.room = 10_000
        step.finish()
        await until(lambda: {record.offset for record in step.taken} == set(range(PLENTY + 101)), "everything is read")
        loop.stop()
        await asyncio.wait_for(task, DEADLINE_S)
