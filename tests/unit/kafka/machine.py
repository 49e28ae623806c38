"""The consume loop under everything that may happen to it, in any order.

Members of one group read a broker in memory; records end in any order; members join, stop, crash and are expelled; commits are refused, the
broker goes away. What must hold is asked after every step.
"""

import asyncio
import base64
from collections.abc import Callable, Collection, Coroutine, Mapping
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from streaming.clock import ManualClock
from streaming.kafka import backlog, consume
from streaming.kafka.client import Committed, Record, TopicPartition
from streaming.kafka.consume import ConsumeLoop
from streaming.kafka.memory import MemoryBroker
from tests.unit.machines import told

GROUP, TOPIC, PARTITIONS, WINDOW = "group", "topic", 3, 6
TURNS = 12
HEALING_TURNS = 150


def done_of(committed: Committed, end: int) -> set[int]:
    """The offsets below `end` that a commit says are done, read without the code under test."""
    position = committed.offset or 0
    bits = int.from_bytes(base64.b64decode(committed.metadata), "little")
    return {offset for offset in range(end) if offset < position or bits >> (offset - position) & 1}


class Member:
    """A step and its loop: ends a record when the machine says so."""

    def __init__(self, machine: "ConsumingMachine", room: int) -> None:
        self.machine = machine
        self.room = room
        self.open: dict[Record, Callable[[], None]] = {}
        self.consumer = machine.broker.consumer(GROUP)
        self.loop = ConsumeLoop(self.consumer, [TOPIC], self, machine.clock, WINDOW)
        self.task: asyncio.Task[None]

    def ready(self) -> bool:
        return len(self.open) < self.room

    def take(self, record: Record, done: Callable[[], None]) -> None:
        # One that was expelled and does not know it yet may repeat what its successor does.
        if self.machine.broker.holds(self.consumer):
            at = self.machine.broker.committed[GROUP].get(record.source, Committed(None, ""))
            assert record.offset not in done_of(at, record.offset + 1), f"{record} was committed as done and is begun again"
        self.open[record] = done

    def finish(self, record: Record) -> None:
        self.machine.finished[record.source].add(record.offset)
        self.open.pop(record)()

    async def quiesce(self, partitions: Collection[TopicPartition]) -> None:
        """A record that is nearly finished ends while its partition leaves."""
        for record in [record for record in self.open if record.source in partitions][::2]:
            self.finish(record)

    def drop(self, partitions: Collection[TopicPartition]) -> None:
        self.open = {record: done for record, done in self.open.items() if record.source not in partitions}

    async def run(self) -> None:
        await asyncio.Event().wait()

    def problems(self) -> Mapping[str, str]:
        return {}


class ConsumingMachine(RuleBasedStateMachine):
    """Holds the broker, the members, and what was truly finished."""

    def __init__(self) -> None:
        super().__init__()
        self.patch = pytest.MonkeyPatch()
        self.patch.setattr(consume, "FETCH_WAIT_S", 0)
        self.patch.setattr(consume, "FETCH_MOST", 4)
        self.patch.setattr(backlog, "PLENTY", 3)
        self.patch.setattr(backlog, "LITTLE", 2)
        self.runner = asyncio.Runner()
        self.clock = ManualClock(datetime(2026, 1, 1, tzinfo=UTC))
        self.broker = MemoryBroker(self.clock)
        self.broker.create(TOPIC, PARTITIONS)
        self.places = self.broker.partitions([TOPIC])
        self.finished: dict[TopicPartition, set[int]] = {place: set() for place in self.places}
        self.before: dict[TopicPartition, int] = {}
        self.members: list[Member] = []

    def turns(self, count: int = TURNS) -> None:
        """Let the members go on for so many turns of the event loop, over which a commit falls due."""
        self.do(self._turns(count))

    async def _turns(self, count: int) -> None:
        await self.clock.advance(consume.COMMIT_EVERY_S)
        for _ in range(count):
            await asyncio.sleep(0)
        for member in self.members:
            if member.task.done():
                member.task.result()

    def do(self, work: Coroutine[Any, Any, None]) -> None:
        self.runner.run(work)

    @initialize(room=st.integers(1, 8))
    def begin(self, room: int) -> None:
        self.join(room)

    @rule(partition=st.integers(0, PARTITIONS - 1), count=st.integers(1, 8))
    def produce(self, partition: int, count: int) -> None:
        async def work() -> None:
            for _ in range(count):
                await self.broker.append(TOPIC, b"", b"", partition)

        if not self.broker.away:
            self.do(work())
            self.turns()

    @precondition(lambda self: any(member.open for member in self.members))
    @rule(data=st.data())
    def finish(self, data: st.DataObject) -> None:
        member = data.draw(st.sampled_from([member for member in self.members if member.open]))
        chosen = data.draw(st.lists(st.sampled_from(sorted(member.open)), min_size=1, max_size=4, unique=True))

        async def work() -> None:
            for record in chosen:
                if record in member.open:
                    member.finish(record)

        self.do(work())

    @rule(turns=st.integers(1, TURNS))
    def go_on(self, turns: int) -> None:
        self.turns(turns)

    @precondition(lambda self: len(self.members) < 3)
    @rule(room=st.integers(1, 8))
    def join(self, room: int) -> None:
        async def work() -> None:
            member = Member(self, room)
            member.task = told(asyncio.create_task(member.loop.run()))
            self.members.append(member)
            await self._turns(TURNS)

        self.do(work())

    @precondition(lambda self: self.members)
    @rule(data=st.data(), room=st.integers(0, 8))
    def make_room(self, data: st.DataObject, room: int) -> None:
        data.draw(st.sampled_from(self.members)).room = room

    @precondition(lambda self: self.members)
    @rule(data=st.data())
    def stop(self, data: st.DataObject) -> None:
        self.do(self._stopped(data.draw(st.sampled_from(self.members))))

    async def _stopped(self, member: Member) -> None:
        self.members.remove(member)
        member.loop.stop()
        await member.task

    @precondition(lambda self: self.members)
    @rule(data=st.data())
    def crash(self, data: st.DataObject) -> None:
        """It ends without a word: nothing is finished, nothing committed, and the group finds out."""
        member = data.draw(st.sampled_from(self.members))

        async def work() -> None:
            member.open.clear()
            self.broker.expel(member.consumer)
            await self._stopped(member)

        self.do(work())

    @precondition(lambda self: self.members)
    @rule(data=st.data(), turns=st.integers(0, TURNS))
    def expel(self, data: st.DataObject, turns: int) -> None:
        self.broker.expel(data.draw(st.sampled_from(self.members)).consumer)
        self.turns(turns)

    @rule(refuses=st.booleans())
    def refuse_commits(self, refuses: bool) -> None:
        self.broker.refuses_commits = refuses

    @rule(away=st.booleans())
    def outage(self, away: bool) -> None:
        self.broker.away = away

    @invariant()
    def a_commit_says_done_of_nothing_that_is_not(self) -> None:
        for place, at in self.broker.committed[GROUP].items():
            end = len([record for record in self.broker.records(TOPIC) if record.source == place])
            assert done_of(at, end) <= self.finished[place], f"{place}: committed {at}, finished {sorted(self.finished[place])}"

    @invariant()
    def the_committed_position_never_goes_back(self) -> None:
        for place, at in self.broker.committed[GROUP].items():
            assert (at.offset or 0) >= self.before.get(place, 0)
            self.before[place] = at.offset or 0

    def teardown(self) -> None:
        """Once all is well, every record is done, and the group's positions say so."""
        try:
            self.broker.away = self.broker.refuses_commits = False
            self.do(self._heal())
        finally:
            self.runner.close()
            self.patch.undo()

    async def _heal(self) -> None:
        for member in self.members:
            member.room = 100
        if not self.members:
            member = Member(self, 100)
            member.task = told(asyncio.create_task(member.loop.run()))
            self.members.append(member)
        for _ in range(HEALING_TURNS):
            await self._turns(TURNS)
            for member in self.members:
                for record in list(member.open):
                    member.finish(record)
            if self._unread() == []:
                break
        unread = self._unread()
        for member in list(self.members):
            await self._stopped(member)
        assert unread == [], "records that nobody read or committed, though all was well"

    def _unread(self) -> list[str]:
        committed = self.broker.committed[GROUP]

        def position(place: TopicPartition) -> int:
            return committed[place].offset or 0 if place in committed else 0

        return [str(record) for record in self.broker.records(TOPIC) if record.offset >= position(record.source)]
