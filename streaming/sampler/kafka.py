"""How far each group has come in each partition of the loop."""

from collections.abc import Collection, Mapping
from typing import NamedTuple, Protocol

from streaming.kafka.client import Committed, TopicPartition
from streaming.kafka.offsets import done_above
from streaming.topics import CONSUMED_BY, TOPICS

NOBODY = ""
NEVER = Committed(None, "")


class KafkaSample(NamedTuple):
    """A group's place in a partition; `group` is empty for a topic without consumers, `committed_offset` None before the first commit.

    `done_above`: records above the committed offset that are done, which one that takes long holds back from being committed.
    """

    topic: str
    partition: int
    group: str
    end_offset: int
    committed_offset: int | None
    done_above: int = 0

    @property
    def lag(self) -> int:
        """Records that are not done."""
        return 0 if self.group == NOBODY else max(0, self.end_offset - (self.committed_offset or 0) - self.done_above)


class Cluster(Protocol):
    """What is asked of Kafka; the calls block. Each raises Unreachable."""

    def end_offsets(self, topics: Collection[str]) -> Mapping[TopicPartition, int]: ...

    def positions(self, group: str, partitions: Collection[TopicPartition]) -> Mapping[TopicPartition, Committed]: ...


def take(cluster: Cluster) -> list[KafkaSample]:
    """A sample of every partition for every group that reads it.

    Commits are read before ends: a lag is never below what it is.
    """
    topics = [spec.name for spec in TOPICS]
    partitions = list(cluster.end_offsets(topics))
    positions = {
        group: cluster.positions(group, [each for each in partitions if each.topic in consumed]) for group, consumed in CONSUMED_BY.items()
    }
    ends = cluster.end_offsets(topics)
    groups = {topic: [group for group, consumed in CONSUMED_BY.items() if topic in consumed] for topic in topics}
    return [
        _sample(place, group, end, positions.get(group, {}).get(place, NEVER))
        for place, end in sorted(ends.items())
        for group in groups[place.topic] or [NOBODY]
    ]


def _sample(place: TopicPartition, group: str, end: int, position: Committed) -> KafkaSample:
    return KafkaSample(place.topic, place.partition, group, end, position.offset, done_above(position.metadata))
