from collections.abc import Collection, Mapping
from datetime import UTC, datetime

from streaming import topics
from streaming.kafka.client import TopicPartition
from streaming.storage.stuck import Sample, busy, sample

NOW = datetime(2026, 1, 1, tzinfo=UTC)
PLACE = TopicPartition(topics.PENDING, 0)


class FakePositions:
    """A cluster with one partition a topic."""

    def __init__(self, end: int = 5) -> None:
        self.ends = {TopicPartition(spec.name, 0): end for spec in topics.TOPICS}
        self.positions: dict[tuple[str, TopicPartition], int | None] = {}

    def end_offsets(self, topics: Collection[str]) -> Mapping[TopicPartition, int]:
        return {partition: end for partition, end in self.ends.items() if partition.topic in topics}

    def committed(self, group: str, partitions: Collection[TopicPartition]) -> Mapping[TopicPartition, int | None]:
        return {partition: self.positions.get((group, partition), self.ends[partition]) for partition in partitions}


def test_a_loop_at_rest_is_not_busy() -> None:
    cluster = FakePositions()
    assert busy(sample(cluster, NOW), sample(cluster, NOW)) == []


def test_every_group_of_the_loop_is_asked_for_all_that_it_reads() -> None:
    read = {(group, partition.topic) for group, partition in sample(FakePositions(), NOW).committed}
    assert read == {(group, topic) for group, consumed in topics.CONSUMED_BY.items() for topic in consumed}


def test_a_group_that_lags_in_either_sample_is_busy() -> None:
    cluster = FakePositions()
    rested = sample(cluster, NOW)
    cluster.positions[topics.RETRY_QUOTA, TopicPartition(topics.QUOTA, 0)] = 4
    lagging = sample(cluster, NOW)
    assert busy(rested, lagging) == busy(lagging, rested) == ["retry_quota_consumer has 1 records of llm-responses-error-quota[0] to do"]


def test_a_partition_that_grew_is_busy_though_all_of_it_is_committed() -> None:
    cluster = FakePositions()
    before = sample(cluster, NOW)
    cluster.ends[TopicPartition(topics.PENDING, 0)] = 6
    assert busy(before, sample(cluster, NOW)) == ["questions-pending[0] grows"]


def test_a_group_that_never_committed_is_busy_unless_there_never_was_a_record() -> None:
    unread, empty = FakePositions(5), FakePositions(0)
    for cluster in (unread, empty):
        cluster.positions[topics.FLINK_SCORE_JOB, TopicPartition(topics.SUCCESS, 0)] = None
    assert busy(sample(unread, NOW), sample(unread, NOW)) != []
    assert busy(sample(empty, NOW), sample(empty, NOW)) == []


def test_a_position_beyond_the_end_of_a_log_leaves_nothing_to_do() -> None:
    ahead = Sample(NOW, {PLACE: 3}, {("group", PLACE): 9})
    assert busy(ahead, ahead) == []
