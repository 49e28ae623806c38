"""A broker in memory with the behaviour the services rely on: partitions, groups, committed positions, rebalances. For tests."""

import asyncio
import zlib
from collections import defaultdict
from collections.abc import Collection, Mapping

from streaming.clock import Clock, SystemClock
from streaming.errors import DeliveryFailed, RecordTooLarge
from streaming.kafka.client import Assigned, Committed, Delivered, Lost, Record, Revoked, TopicPartition
from streaming.topics import MAX_MESSAGE_BYTES


class MemoryBroker:
    """Topics, their records and the groups' positions."""

    def __init__(self, clock: Clock | None = None) -> None:
        self.away = False
        self.refuses_commits = False
        self.committed: dict[str, dict[TopicPartition, Committed]] = defaultdict(dict)
        self.changed = asyncio.Condition()
        self._clock = clock or SystemClock()
        self._logs: dict[TopicPartition, list[Record]] = {}
        self._members: dict[str, list[MemoryConsumer]] = defaultdict(list)

    def create(self, topic: str, partitions: int = 1) -> None:
        """Create a topic."""
        for partition in range(partitions):
            self._logs[TopicPartition(topic, partition)] = []

    def delete(self, topic: str) -> None:
        """Delete a topic, with the groups' positions in it: members lose its partitions in their next `fetch`."""
        for place in self.partitions([topic]):
            del self._logs[place]
            for positions in self.committed.values():
                positions.pop(place, None)

    def records(self, topic: str) -> list[Record]:
        """Every record of a topic, by partition and offset."""
        return [record for partition in self.partitions([topic]) for record in self._logs[partition]]

    def partitions(self, topics: Collection[str]) -> list[TopicPartition]:
        """The partitions of these topics."""
        return [partition for partition in self._logs if partition.topic in topics]

    def producer(self) -> "MemoryProducer":
        """A producer on this broker."""
        return MemoryProducer(self)

    def consumer(self, group: str) -> "MemoryConsumer":
        """A member of a group on this broker."""
        return MemoryConsumer(self, group)

    async def append(self, topic: str, key: bytes | None, value: bytes | None, partition: int | None = None) -> Delivered:
        """Add a record; without a partition, the key chooses it."""
        places = self.partitions([topic])
        if self.away or not places:
            raise DeliveryFailed(f"{topic}: the broker is away or the topic does not exist")
        if len(value or b"") > MAX_MESSAGE_BYTES:
            raise RecordTooLarge(f"{topic}: {len(value or b'')} bytes")
        place = places[zlib.crc32(key or b"") % len(places) if partition is None else partition]
        log = self._logs[place]
        log.append(Record(topic, place.partition, len(log), key, value, int(self._clock.now().timestamp() * 1000)))
        async with self.changed:
            self.changed.notify_all()
        return Delivered(topic, place.partition, len(log) - 1)

    def read(self, place: TopicPartition, offset: int, most: int) -> list[Record]:
        """Records of a partition from an offset on; none of one that was deleted."""
        return self._logs.get(place, [])[offset : offset + most]

    def truncate(self, place: TopicPartition) -> None:
        """Lose a partition's records, as a broker does that comes back without its disk: members read on at the new start."""
        self._logs[place].clear()
        for members in self._members.values():
            for member in members:
                if place in member.positions:
                    member.positions[place] = 0

    def join(self, member: "MemoryConsumer") -> None:
        """Add a member; every member takes its part of the rebalance in its own next `fetch`."""
        self._members[member.group].append(member)

    def leave(self, member: "MemoryConsumer") -> None:
        """Take a member out of its group; what it held is free."""
        if self.holds(member):
            self._members[member.group].remove(member)

    def expel(self, member: "MemoryConsumer") -> None:
        """Take a member out that has not been heard of: it learns in its next `fetch` that its partitions are lost, and joins again."""
        self.leave(member)

    def holds(self, member: "MemoryConsumer") -> bool:
        """Whether the group counts this one among its members."""
        return member in self._members[member.group]

    def share(self, member: "MemoryConsumer") -> tuple[list[TopicPartition], list[TopicPartition]]:
        """The partitions that a member must give up, and those that it may take: what another still holds must be given up first."""
        members = self._members[member.group]
        readers = self.partitions({topic for each in members for topic in each.topics})
        wanted = {place for index, place in enumerate(readers) if members[index % len(members)] is member}
        taken = {place for each in members if each is not member for place in each.positions}
        held = set(member.positions)
        return sorted(held - wanted), sorted(wanted - held - taken)


class MemoryProducer:
    """Producer on a MemoryBroker."""

    def __init__(self, broker: MemoryBroker) -> None:
        self._broker = broker

    async def send(self, topic: str, key: str, value: bytes) -> Delivered:
        """Append the record."""
        return await self._broker.append(topic, key.encode(), value)

    async def close(self) -> None:
        """Nothing is under way."""


class MemoryConsumer:
    """Consumer on a MemoryBroker, no kinder than librdkafka: rebalances take effect within `fetch`, a pause outlasts the loss and return
    of its partition, commits of what is not held are refused."""

    def __init__(self, broker: MemoryBroker, group: str) -> None:
        self.group = group
        self.topics: frozenset[str] = frozenset()
        self.positions: dict[TopicPartition, int] = {}
        self._broker = broker
        self._paused: set[TopicPartition] = set()
        self._told = False
        self._assigned: Assigned
        self._revoked: Revoked
        self._lost: Lost

    @property
    def problem(self) -> str | None:
        """The broker is away, or a topic is missing."""
        if self._broker.away:
            return "the broker is away"
        missing = [topic for topic in self.topics if not self._broker.partitions([topic])]
        return f"topics that do not exist: {', '.join(missing)}; run `python -m streaming provision`" if missing else None

    async def subscribe(self, topics: Collection[str], assigned: Assigned, revoked: Revoked, lost: Lost) -> None:
        """Join the group."""
        self.topics, self._assigned, self._revoked, self._lost = frozenset(topics), assigned, revoked, lost
        self._broker.join(self)

    async def fetch(self, most: int, timeout_s: float) -> list[Record]:
        """Take part in a rebalance, then hand out what lies after the positions, waiting up to `timeout_s` for a first record."""
        await self._rebalance()
        if not (records := self._read(most)):
            try:
                async with asyncio.timeout(timeout_s), self._broker.changed:
                    await self._broker.changed.wait()
            except TimeoutError:
                return []
            records = self._read(most)
        return records

    async def commit(self, positions: Mapping[TopicPartition, Committed]) -> bool:
        """Store the positions, unless one of the partitions is not this member's."""
        broker = self._broker
        held = self.positions.keys() & set(broker.partitions(self.topics))
        if broker.away or broker.refuses_commits or not broker.holds(self) or not positions.keys() <= held:
            return False
        broker.committed[self.group].update(positions)
        return True

    async def pause(self, partitions: Collection[TopicPartition]) -> None:
        """Stop fetching from these."""
        self._paused |= set(partitions)

    async def resume(self, partitions: Collection[TopicPartition]) -> None:
        """Fetch from these again."""
        self._paused -= set(partitions)

    async def close(self) -> None:
        """Leave the group, committing what the callback says."""
        await self._give_up(list(self.positions))
        self._broker.leave(self)

    async def _rebalance(self) -> None:
        if self._broker.away:
            return
        if not self._broker.holds(self):
            lost, self.positions, self._told = list(self.positions), {}, False
            await self._lost(lost)
            self._broker.join(self)
        give_up, take = self._broker.share(self)
        await self._give_up(give_up)
        if take or not self._told:
            self._told = True
            await self._take(take)

    async def _take(self, places: Collection[TopicPartition]) -> None:
        stored = self._broker.committed[self.group]
        committed = {place: stored.get(place, Committed(None, "")) for place in places}
        self.positions.update({place: at.offset or 0 for place, at in committed.items()})
        await self._assigned(committed)

    async def _give_up(self, places: Collection[TopicPartition]) -> None:
        if not places:
            return
        if positions := await self._revoked(places):
            await self.commit(positions)
        for place in places:
            self.positions.pop(place, None)

    def _read(self, most: int) -> list[Record]:
        records: list[Record] = []
        if self._broker.away:
            return records
        for place in sorted(set(self.positions) - self._paused):
            found = self._broker.read(place, self.positions[place], most - len(records))
            self.positions[place] += len(found)
            records += found
        return records
