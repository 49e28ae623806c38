"""How far each group has come in each partition of the loop."""

from collections.abc import Collection, Mapping
from typing import NamedTuple, Protocol

from streaming.kafka.client import TopicPartition
from streaming.topics import CONSUMED_BY, TOPICS

NOBODY = ""


class KafkaSample(NamedTuple):
    """A group's place in a partition; `group` is empty for a topic without consumers, `committed_offset` None before the first commit."""

    topic: str
    partition: int
    group: str
    end_offset: int
    committed_offset: int | None

    @property
    def lag(self) -> int:
        return 0 if self.group == NOBODY else max(0, self.end_offset - (self.committed_offset or 0))


class Cluster(Protocol):
    """What is asked of Kafka; the calls block. Each raises Unreachable."""

    def end_offsets(self, topics: Collection[str]) -> Mapping[TopicPartition, int]: ...

    def committed(self, group: str, partitions: Collection[TopicPartition]) -> Mapping[TopicPartition, int | None]: ...


def take(cluster: Cluster) -> list[KafkaSample]:
    """A sample of every partition for every group that reads it.

    Commits are read before ends: a lag is never below what it is.
    """
    topics = [spec.name for spec in TOPICS]
    partitions = list(cluster.end_offsets(topics))
    committed = {
        group: cluster.committed(group, [each for each in partitions if each.topic in consumed]) for group, consumed in CONSUMED_BY.items()
    }
    ends = cluster.end_offsets(topics)
    groups = {topic: [group for group, consumed in CONSUMED_BY.items() if topic in consumed] for topic in topics}
    return [
        KafkaSample(place.topic, place.partition, group, end, None if group == NOBODY else committed[group].get(place))
        for place, end in sorted(ends.items())
        for group in groups[place.topic] or [NOBODY]
    ]
