"""How far each group has come in each partition of the loop."""

from collections.abc import Collection, Mapping
from typing import NamedTuple, Protocol

from streaming.kafka.client import Committed, TopicPartition
from streaming.kafka.lag import Log, undone
from streaming.topics import CONSUMED_BY, TOPICS

NOBODY = ""
NEVER = Committed(None, "")


class KafkaSample(NamedTuple):
    """A group's place in a partition; `group` is empty for a topic without consumers, `committed_offset` None before the first commit.

    `lag`: records that the group has not done.
    """

    topic: str
    partition: int
    group: str
    end_offset: int
    committed_offset: int | None
    lag: int


class Cluster(Protocol):
    """What is asked of Kafka; the calls block. Each raises Unreachable."""

    def partitions(self, topics: Collection[str]) -> Collection[TopicPartition]: ...

    def positions(self, group: str, partitions: Collection[TopicPartition]) -> Mapping[TopicPartition, Committed]: ...

    def logs(self, topics: Collection[str]) -> Mapping[TopicPartition, Log]: ...


def take(cluster: Cluster) -> list[KafkaSample]:
    """A sample of every partition for every group that reads it.

    Commits are read before ends: a lag is never below what it is.
    """
    topics = [spec.name for spec in TOPICS]
    partitions = cluster.partitions(topics)
    positions = {
        group: cluster.positions(group, [each for each in partitions if each.topic in consumed]) for group, consumed in CONSUMED_BY.items()
    }
    logs = cluster.logs(topics)
    groups = {topic: [group for group, consumed in CONSUMED_BY.items() if topic in consumed] for topic in topics}
    return [
        _sample(place, group, log, positions.get(group, {}).get(place, NEVER))
        for place, log in sorted(logs.items())
        for group in groups[place.topic] or [NOBODY]
    ]


def _sample(place: TopicPartition, group: str, log: Log, position: Committed) -> KafkaSample:
    lag = 0 if group == NOBODY else undone(position, log, log.end)
    return KafkaSample(place.topic, place.partition, group, log.end, position.offset, lag)
