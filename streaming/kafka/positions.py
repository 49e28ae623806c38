"""How far each group has come in each partition, and what it still has to do: the one place that reads offsets, positions and lag."""

from collections.abc import Collection, Mapping
from typing import NamedTuple, Protocol

import confluent_kafka as ck
from confluent_kafka import admin as ck_admin

from streaming.errors import Unreachable
from streaming.kafka.client import NO_LOGIN, Committed, TopicPartition
from streaming.kafka.connection import DEADLINE_S, ClusterConnection
from streaming.kafka.offsets import done_within
from streaming.kafka.places import committed_at, partition_of

NEVER = Committed(None, "")


class Log(NamedTuple):
    """The records that a partition holds: from `start` up to, not including, `end`."""

    start: int
    end: int


class Standing(NamedTuple):
    """A group's place in a partition that it reads."""

    group: str
    partition: TopicPartition
    position: Committed
    log: Log

    @property
    def lag(self) -> int:
        """Records that the group has not done."""
        return undone(self.position, self.log, self.log.end)


class Cluster(Protocol):
    """What is asked of Kafka; the calls block. Each raises Unreachable, ConfigurationError."""

    def topics(self) -> Mapping[str, int]:
        """Every topic that this login may see, and its number of partitions."""

    def partitions(self, topics: Collection[str]) -> Collection[TopicPartition]:
        """The partitions of these topics. Raises Unreachable also for a topic that does not exist."""

    def positions(self, group: str, partitions: Collection[TopicPartition]) -> Mapping[TopicPartition, Committed]:
        """The group's position in each partition, with the commit's metadata."""

    def logs(self, topics: Collection[str]) -> Mapping[TopicPartition, Log]:
        """What each partition holds."""


def undone(position: Committed, log: Log, below: int) -> int:
    """Records below this offset that the group has not done.

    A position beyond the end belongs to a log that was truncated or made anew: of this one the group has done nothing, and reads it from
    its start. What is done above the position, behind a record that takes long, stands in the commit's metadata.
    """
    if position.offset is None or position.offset > log.end:
        position = Committed(log.start, "")
    assert position.offset is not None
    first, last = max(log.start - position.offset, 0), min(below, log.end) - position.offset
    return max(last - first, 0) - done_within(first, last, position.metadata)


def standings(cluster: Cluster, read_by: Mapping[str, Collection[str]]) -> list[Standing]:
    """Each of these groups in each partition of the topics that it reads.

    Commits are read before logs: a lag is never told as less than it is. In a partition that was made in between nobody ever committed.
    """
    topics = list(dict.fromkeys(topic for read in read_by.values() for topic in read))
    partitions = cluster.partitions(topics)
    positions = {group: cluster.positions(group, [each for each in partitions if each.topic in read]) for group, read in read_by.items()}
    logs = cluster.logs(topics)
    return [
        Standing(group, place, positions[group].get(place, NEVER), log)
        for group, read in read_by.items()
        for place, log in logs.items()
        if place.topic in read
    ]


class KafkaPositions(ClusterConnection):
    """A real cluster, as its broker tells of it; it keeps what `Cluster` says."""

    def __init__(self, bootstrap: str, login: Mapping[str, str] = NO_LOGIN) -> None:
        super().__init__(bootstrap, login)
        self._observers: dict[str, ck.Consumer] = {}

    def partitions(self, topics: Collection[str]) -> list[TopicPartition]:
        present = self.topics()
        missing = sorted(set(topics) - set(present))
        if missing:
            raise Unreachable(f"topics {', '.join(missing)} do not exist: run `python -m streaming provision`")
        return [TopicPartition(topic, partition) for topic in topics for partition in range(present[topic])]

    def positions(self, group: str, partitions: Collection[TopicPartition]) -> dict[TopicPartition, Committed]:
        try:
            places = self._observer(group).committed([ck.TopicPartition(*partition) for partition in partitions], timeout=DEADLINE_S)
            for place in places:
                if place.error is not None:
                    raise ck.KafkaException(place.error)
        except ck.KafkaException as err:
            raise self._translated(err) from err
        return {partition_of(place): committed_at(place) for place in places}

    def logs(self, topics: Collection[str]) -> dict[TopicPartition, Log]:
        starts, ends = self._offsets(topics, ck_admin.OffsetSpec.earliest()), self._offsets(topics, ck_admin.OffsetSpec.latest())
        return {place: Log(starts[place], end) for place, end in ends.items()}

    def _offsets(self, topics: Collection[str], wanted: ck_admin.OffsetSpec) -> dict[TopicPartition, int]:
        places = {ck.TopicPartition(*partition): wanted for partition in self.partitions(topics)}
        results = self._admin.list_offsets(places, request_timeout=DEADLINE_S)
        return {partition_of(place): int(self._result(future).offset) for place, future in results.items()}

    def _observer(self, group: str) -> ck.Consumer:
        """Reads the group's positions without joining it. An administrator's request for them aborts the whole process when the group's
        coordinator goes away meanwhile (librdkafka issues 3663 and 4605)."""
        if group not in self._observers:
            self._observers[group] = ck.Consumer({**self._config, "group.id": group, "enable.auto.commit": False})
        return self._observers[group]
