"""Kafka's part of a report from rows written by hand; every expected value is worked out beside its rows."""

from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest

from streaming import topics
from streaming.figures.kafka import kafka
from streaming.figures.run_summary import Percentiles
from streaming.figures.scope import Scope
from streaming.figures.values import Kafka, Lag, Throughput
from tests.integration.private_tables import private_tables
from tests.integration.report_rows import DAY, MIDNIGHT, NOON, ReportRows, at, of_run, report_rows

pytestmark = pytest.mark.integration

HOUR = timedelta(hours=1)
PERSISTER = topics.STORAGE_PERSISTER


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with private_tables() as tables:
        yield tables


@pytest.fixture
def rows(url: str) -> Iterator[ReportRows]:
    with report_rows(url) as tables:
        yield tables


def sample(
    rows: ReportRows,
    when: datetime,
    end: int,
    committed: int | None,
    topic: str = topics.PENDING,
    group: str = topics.LLM_CONSUMER,
    partition: int = 0,
) -> None:
    lag = 0 if group == "" else end - (committed or 0)
    rows.insert(
        "kafka_samples", time=when, topic=topic, partition=partition, group=group, end_offset=end, committed_offset=committed, lag=lag
    )


def an_old_hour(
    rows: ReportRows, hour: datetime, end: int, committed: int, average: float, largest: int, last: int, partition: int = 0
) -> None:
    rows.insert(
        "kafka_samples_hourly",
        hour=hour,
        topic=topics.PENDING,
        partition=partition,
        group=topics.LLM_CONSUMER,
        samples=240,
        end_offset=end,
        committed_offset=committed,
        average_lag=average,
        largest_lag=largest,
        last_lag=last,
    )


def figures(rows: ReportRows, scope: Scope = DAY) -> Kafka:
    with rows.reading(scope) as cursor:
        return kafka(cursor, scope)


def test_lag_adds_up_the_partitions_of_each_sample(rows: ReportRows) -> None:
    # Partition 0 lags 4, 10, 1 and partition 1 lags 6, 2, 0: 10, 12 and 1 together.
    for second, (one, two) in enumerate(((4, 6), (10, 2), (1, 0))):
        sample(rows, at(15 * second), 100, 100 - one)
        sample(rows, at(15 * second), 50, 50 - two, partition=1)
    found = figures(rows)
    assert found.lag == [Lag(topics.PENDING, topics.LLM_CONSUMER, mean=pytest.approx(23 / 3), largest=12, last=1)]
    # What the model consumer has before it is the queue.
    assert (found.mean_queue_size, found.largest_queue_size) == (pytest.approx(23 / 3), 12)


def test_each_group_of_a_topic_has_its_own_lag_and_a_topic_that_nobody_reads_has_none(rows: ReportRows) -> None:
    sample(rows, NOON, 10, 7, topics.OVERLOAD, topics.RETRY_OVERLOAD)
    sample(rows, NOON, 10, None, topics.OVERLOAD, PERSISTER)
    sample(rows, NOON, 5, None, topics.DEAD_LETTERS, "")
    found = figures(rows)
    assert {(each.topic, each.group): each.last for each in found.lag} == {
        (topics.OVERLOAD, topics.RETRY_OVERLOAD): 3,
        (topics.OVERLOAD, PERSISTER): 10,
    }
    assert (found.mean_queue_size, found.largest_queue_size) == (None, None)


def test_lag_over_time_is_the_mean_of_each_bucket_and_unknown_without_a_sample(rows: ReportRows) -> None:
    # An hour has buckets of 30 s: lags 2 and 4 in the first, 9 in the third.
    for second, lag in ((0, 2), (15, 4), (75, 9)):
        sample(rows, at(second), 100, 100 - lag)
    series = figures(rows, of_run("run-1")).lag_over_time
    assert series is not None
    assert (series.start, series.step_s) == (NOON, 30)
    (line,) = series.lines.values()
    assert list(series.lines) == ["questions-pending / llm_consumer_service"]
    assert list(line[:4]) == [3, None, 9, None]
    assert len(line) == 120


def test_throughput_counts_from_the_last_sample_before_the_scope_to_the_last_within_it(rows: ReportRows) -> None:
    for second, (one, two) in {-10: (100, 10), 20: (130, 10), 50: (150, 20), 70: (999, 999)}.items():
        sample(rows, at(second), one, 0)
        sample(rows, at(second), two, 0, partition=1)
    # Partition 0 took 50, partition 1 took 10, in the 60 s from -10 to 50.
    assert figures(rows, of_run("run-1", NOON, at(60))).throughput == [Throughput(topics.PENDING, 60, pytest.approx(1.0))]


def test_throughput_counts_from_the_first_sample_where_there_is_none_before(rows: ReportRows) -> None:
    for second, end in ((0, 100), (30, 190)):
        # Two groups see the same records.
        sample(rows, at(second), end, 0, topics.OVERLOAD, topics.RETRY_OVERLOAD)
        sample(rows, at(second), end, 0, topics.OVERLOAD, PERSISTER)
    assert figures(rows).throughput == [Throughput(topics.OVERLOAD, 90, pytest.approx(3.0))]


def test_one_sample_alone_knows_no_rate(rows: ReportRows) -> None:
    sample(rows, NOON, 100, 100)
    assert figures(rows).throughput == [Throughput(topics.PENDING, 0, None)]


def test_old_hours_give_lag_throughput_and_queue(rows: ReportRows) -> None:
    for hour, ends, average, largest in ((NOON, (100, 50), 2.0, 9), (NOON + HOUR, (190, 140), 4.0, 5)):
        for partition, end in enumerate(ends):
            an_old_hour(rows, hour, end, end - 6, average, largest, 1, partition)
    found = figures(rows)
    # Two partitions: 4 in the first hour and 8 in the second; 18 at most; one each at the end, behind which five are done.
    assert found.lag == [Lag(topics.PENDING, topics.LLM_CONSUMER, mean=pytest.approx(6), largest=18, last=2)]
    # Each partition took 90 from the end of the first hour to the end of the second.
    assert found.throughput == [Throughput(topics.PENDING, 180, pytest.approx(180 / 3600))]
    assert found.lag_over_time is not None
    (line,) = found.lag_over_time.lines.values()
    assert [value for value in line if value is not None] == [4, 8]


def test_an_hour_that_was_thinned_and_one_that_was_not_weigh_by_their_samples(rows: ReportRows) -> None:
    an_old_hour(rows, NOON, 100, 98, 2.0, 3, 2)
    sample(rows, NOON + HOUR, 102, 100 - 241 + 2)
    # 240 samples of 2 and one of 241.
    assert figures(rows).mean_queue_size == pytest.approx((240 * 2 + 241) / 241)


def test_produce_to_consume_is_from_each_producer_to_its_consumer(rows: ReportRows) -> None:
    busy = rows.trip()
    times = {"enqueued_at": at(0), "llm_started_at": at(0.1), "llm_finished_at": at(0.5)}
    rows.call(busy, 0, "overload", at(0.52), **times)
    rows.call(busy, 1, "quota", at(0.53), **times)
    later = times | {"llm_started_at": at(0.3)}
    rows.call(busy, 2, "success", at(1), scored_at=at(0.9), **later)
    rows.answer(busy, stored=at(0.95), scored_at=at(0.9), accepted_retry_count=2)
    refused = rows.trip()
    rows.call(refused, 0, "fatal", at(0.56), **times)
    took = figures(rows).produce_to_consume
    # From enqueued to started: 100, 100, 300 and 100 ms.
    assert took[topics.PENDING].p50 == pytest.approx(100)
    assert took[topics.PENDING].max == pytest.approx(300)
    # From the model's reply to its score, and from there to storage; errors from the reply to storage.
    one = {topics.SUCCESS: 400, topics.VALIDATED: 50, topics.OVERLOAD: 20, topics.QUOTA: 30, topics.FATAL: 60}
    assert {topic: each.p99 for topic, each in took.items() if topic != topics.PENDING} == pytest.approx(one)


def test_errors_have_a_way_to_their_retry_consumer_and_low_scores_one_to_storage(rows: ReportRows) -> None:
    trip = rows.trip()
    rows.call(trip, 0, "overload")
    rows.call(trip, 1, "quota", error_pickup_ms=15.0)
    rows.call(trip, 2, "success", at(1), error_pickup_ms=45.0, scored_at=at(0.96), bert_score=0.5)
    rows.call(trip, 3, "success", at(2), scored_at=at(1.9), bert_score=0.8)
    rows.answer(trip, stored=at(2), first=0.5, final=0.8, accepted_retry_count=3)
    took = figures(rows).produce_to_consume
    assert {topic: each.p50 for topic, each in took.items()} == pytest.approx(
        {
            f"{topics.OVERLOAD} / {topics.RETRY_OVERLOAD}": 15,
            f"{topics.QUOTA} / {topics.RETRY_QUOTA}": 45,
            topics.LOW_QUALITY: 40,
        }
    )


def test_a_best_attempt_and_a_replay_say_nothing_of_the_way_to_storage(rows: ReportRows) -> None:
    best, failed = rows.trip(), rows.trip()
    rows.answer(best, "best_attempt", scored_at=at(-60))
    rows.failure(failed)
    replay = rows.again(failed, "replay")
    rows.call(replay, 0, enqueued_at=at(-1), llm_started_at=NOON)
    rows.answer(replay, scored_at=at(-60))
    assert figures(rows).produce_to_consume == {}


def test_produce_to_consume_covers_the_runs_own_messages(rows: ReportRows) -> None:
    rows.call(rows.trip("run-1"), 0, enqueued_at=at(-0.1), llm_started_at=NOON)
    rows.call(rows.trip("run-2"), 0, enqueued_at=at(-0.7), llm_started_at=NOON)
    found = figures(rows, of_run("run-2")).produce_to_consume
    assert found == {topics.PENDING: Percentiles(*[pytest.approx(700)] * 5)}


def test_nothing_sampled_and_nothing_asked_is_nothing_to_say(rows: ReportRows) -> None:
    sample(rows, MIDNIGHT, 5, 0)  # the next day
    assert figures(rows) == Kafka([], None, [], {}, None, None)
