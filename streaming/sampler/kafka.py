"""How far each group has come in each partition of the loop."""

from typing import NamedTuple

from streaming.kafka.positions import Cluster, standings
from streaming.topics import CONSUMED_BY, TOPICS

NOBODY = ""


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


def take(cluster: Cluster) -> list[KafkaSample]:
    """A sample of every partition for every group that reads it, and of those that nobody reads. Raises Unreachable."""
    consumed = [
        KafkaSample(*each.partition, each.group, each.log.end, each.position.offset, each.lag) for each in standings(cluster, CONSUMED_BY)
    ]
    read = {topic for topics in CONSUMED_BY.values() for topic in topics}
    logs = cluster.logs([spec.name for spec in TOPICS if spec.name not in read])
    return consumed + [KafkaSample(*place, NOBODY, log.end, None, 0) for place, log in logs.items()]
