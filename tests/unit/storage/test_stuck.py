from collections.abc import Collection, Mapping
from datetime import UTC, datetime

from streaming import topics
from streaming.kafka.client import Committed, TopicPartition
from streaming.kafka.positions import Log
from streaming.storage.stuck import busy, sample

NOW = datetime(2026, 1, 1, tzinfo=UTC)
PLACE = TopicPartition(topics.PENDING, 0)


class FakePositions:
    """A cluster with one partition a topic."""

    def __init__(self, end: int = 5) -> None:
        self.ends = {TopicPartition(spec.name, 0): end for spec in topics.TOPICS}
        self.starts = dict.fromkeys(self.ends, 0)
        self.offsets: dict[tuple[str, TopicPartition], int | None] = {}

    def partitions(self, topics: Collection[str]) -> Collection[TopicPartition]:
        return [partition for partition in self.ends if partition.topic in topics]

    def logs(self, topics: Collection[str]) -> Mapping[TopicPartition, Log]:
        return {partition: Log(self.starts[partition], self.ends[partition]) for partition in self.partitions(topics)}

    def positions(self, group: str, partitions: Collection[TopicPartition]) -> Mapping[TopicPartition, Committed]:
        return {partition: Committed(self.offsets.get((group, partition), self.ends[partition]), "") for partition in partitions}


def test_a_loop_at_rest_is_not_busy() -> None:
    cluster = FakePositions()
    assert busy(sample(cluster, NOW), sample(cluster, NOW)) == []


def test_every_group_of_the_loop_is_asked_for_all_that_it_reads() -> None:
    read = {(each.group, each.partition.topic) for each in sample(FakePositions(), NOW).standings}
    assert read == {(group, topic) for group, consumed in topics.CONSUMED_BY.items() for topic in consumed}


def test_a_group_that_lags_in_either_sample_is_busy() -> None:
    cluster = FakePositions()
    rested = sample(cluster, NOW)
    cluster.offsets[topics.RETRY_QUOTA, TopicPartition(topics.QUOTA, 0)] = 4
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
        cluster.offsets[topics.FLINK_SCORE_JOB, TopicPartition(topics.SUCCESS, 0)] = None
    assert busy(sample(unread, NOW), sample(unread, NOW)) != []
    assert busy(sample(empty, NOW), sample(empty, NOW)) == []


def test_a_position_beyond_the_end_of_a_log_leaves_nothing_to_do_where_the_log_is_empty_and_all_of_it_else() -> None:
    cluster = FakePositions(0)
    cluster.offsets[topics.LLM_CONSUMER, PLACE] = 9
    assert busy(sample(cluster, NOW), sample(cluster, NOW)) == []
    cluster.ends[PLACE] = 3
    assert busy(sample(cluster, NOW), sample(cluster, NOW)) == [f"{topics.LLM_CONSUMER} has 3 records of questions-pending[0] to do"]


def test_what_kafka_has_deleted_before_the_group_came_to_it_is_not_waited_for() -> None:
    cluster = FakePositions(5)
    cluster.offsets[topics.LLM_CONSUMER, PLACE] = 2
    cluster.starts[PLACE] = 5
    assert busy(sample(cluster, NOW), sample(cluster, NOW)) == []
