"""Partitions leave a member and come back to it, in every state that the consume loop may be in: nothing of them is left unread."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass
from uuid import uuid4

import confluent_kafka as ck
import pytest

from streaming.clock import SystemClock
from streaming.kafka.backlog import PLENTY
from streaming.kafka.client import Consumer, TopicPartition
from streaming.kafka.consume import ConsumeLoop
from tests.unit.kafka.brokers import DEADLINE_S, Collecting, until

PARTITIONS = 4
FEW = 20


class FinishingLate(Collecting):
    """Ends a record of each partition that leaves in the very turn in which it leaves."""

    async def quiesce(self, partitions: Collection[TopicPartition]) -> None:
        for record in [record for record in self.open if record.source in partitions][:1]:
            self.open.pop(record)()


@dataclass(frozen=True)
class State:
    """A state of the loop: how many records each partition has, and what the step and the window let through."""

    records: int
    room: int
    window: int = 10_000
    beside_a_missing_topic: bool = False
    done_before: int = 0
    step: type[Collecting] = Collecting


STATES = {
    "paused": State(records=PLENTY + 100, room=1),
    "window full": State(records=FEW, room=1000, window=4),
    "handing over": State(records=FEW, room=5, step=FinishingLate),
    "committing": State(records=FEW, room=1000, done_before=7),
    "first batch with an error event": State(records=FEW, room=3, beside_a_missing_topic=True),
}


class ReturnBehaviour:
    """Subclasses give `topic` (four partitions), `fill` (so many records into each), `consumer` and `committed`."""

    topic: str
    consumer: Callable[[str], Consumer]
    fill: Callable[[int], Awaitable[None]]
    committed: Callable[[str], Awaitable[Mapping[TopicPartition, int | None]]]

    async def leave_and_return(self, loop: ConsumeLoop, group: str) -> None:
        """A second member takes half of the partitions, works on none, and leaves."""
        newcomer = ConsumeLoop(self.consumer(group), [self.topic], Collecting(room=0), SystemClock())
        ending = asyncio.create_task(newcomer.run())
        await until(lambda: len(newcomer.assigned) == len(loop.assigned) == PARTITIONS // 2, "the newcomer takes half")
        newcomer.stop()
        await asyncio.wait_for(ending, DEADLINE_S)
        await until(lambda: len(loop.assigned) == PARTITIONS, "they are back")

    @pytest.mark.parametrize("state", STATES)
    async def test_partitions_that_leave_and_come_back_are_read_to_their_end(self, state: str) -> None:
        await self.check(STATES[state], self.leave_and_return)

    async def check(self, state: State, leave_and_return: Callable[[ConsumeLoop, str], Awaitable[None]]) -> None:
        group = f"group-{uuid4()}"
        await self.fill(state.records)
        step = state.step(room=state.room)
        topics = [self.topic, f"missing-{uuid4()}"] if state.beside_a_missing_topic else [self.topic]
        loop = ConsumeLoop(self.consumer(group), topics, step, SystemClock(), state.window)
        task = asyncio.create_task(loop.run())
        await self.until_reached(state, loop, step)
        if state.done_before:
            step.finish(*range(state.done_before))

        await leave_and_return(loop, group)

        step.room = PARTITIONS * state.records
        everything = {(partition, offset) for partition in range(PARTITIONS) for offset in range(state.records)}
        ends = {TopicPartition(self.topic, partition): state.records for partition in range(PARTITIONS)}

        def all_is_read() -> bool:
            step.finish()
            return {(record.partition, record.offset) for record in step.taken} == everything

        await until(all_is_read, "everything is read")
        # What was taken but not done before its partition left comes again, some time after the partition is back.
        async with asyncio.timeout(DEADLINE_S):
            while await self.committed(group) != ends:
                step.finish()
                await asyncio.sleep(0.01)
        loop.stop()
        await asyncio.wait_for(task, DEADLINE_S)

    async def until_reached(self, state: State, loop: ConsumeLoop, step: Collecting) -> None:
        if state.records > PLENTY:
            await until(lambda: len(loop.paused) == PARTITIONS, "the backlog pauses all")
        else:
            most = PARTITIONS * min(state.records, state.window)
            await until(lambda: len(loop.assigned) == PARTITIONS and len(step.taken) >= min(state.room, most), "the state is reached")


async def fill(address: str, topic: str, count: int) -> None:
    """So many records into each partition."""
    producer = ck.Producer({"bootstrap.servers": address})
    for partition in range(PARTITIONS):
        for _ in range(count):
            producer.produce(topic, b"", partition=partition)
    assert await asyncio.to_thread(producer.flush, DEADLINE_S) == 0


async def committed(address: str, topic: str, group: str) -> dict[TopicPartition, int | None]:
    """The group's position in each partition."""
    observer = ck.Consumer({"bootstrap.servers": address, "group.id": group})
    places = [ck.TopicPartition(topic, partition) for partition in range(PARTITIONS)]
    found = await asyncio.to_thread(observer.committed, places, DEADLINE_S)
    observer.close()
    return {TopicPartition(place.topic, place.partition): place.offset for place in found}
