"""The samples' tables, in a real PostgreSQL."""

import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import httpx
import pytest
from psycopg2.extensions import cursor

from streaming.clock import ManualClock
from streaming.flink_rest import FlinkRest
from streaming.postgres.connect import LOOK_UP_S, transaction
from streaming.sampler import service, store
from streaming.sampler.kafka import KafkaSample
from tests.integration.private_tables import private_tables
from tests.unit.sampler.test_taking import Cluster

pytestmark = pytest.mark.integration

NOW = datetime(2026, 3, 20, 12, 30, tzinfo=UTC)


class Undone(Exception):
    """Ends a test's transaction: nothing of it stays."""


@pytest.fixture
def tables() -> Iterator[cursor]:
    try:
        with transaction(os.environ["ANSWERLOOP_DATABASE_URL"], LOOK_UP_S) as into:
            yield into
            raise Undone
    except Undone:
        pass


def sample(topic: str, end: int, committed: int | None, group: str = "g", partition: int = 0, lag: int | None = None) -> KafkaSample:
    return KafkaSample(topic, partition, group, end, committed, end - (committed or 0) if lag is None else lag)


def thin(tables: cursor) -> int:
    """All that is old enough: how many hours."""
    hours = 0
    while store.thin_an_hour(tables, NOW):
        hours += 1
    return hours


def test_what_lies_unconsumed_is_as_old_as_the_sample_before_it_came(tables: cursor) -> None:
    topic = f"t-{uuid4()}"
    assert store.add_kafka(tables, NOW, [sample(topic, 10, 10)]) == {}
    store.add_kafka(tables, NOW + timedelta(seconds=15), [sample(topic, 12, 10)])
    found = store.add_kafka(tables, NOW + timedelta(seconds=60), [sample(topic, 30, 11)])
    assert found == {(topic, "g"): 60.0}
    assert store.add_kafka(tables, NOW + timedelta(seconds=75), [sample(topic, 31, 30)]) == {(topic, "g"): 15.0}


def test_the_oldest_partition_counts_and_the_first_sample_bounds_what_is_known(tables: cursor) -> None:
    topic = f"t-{uuid4()}"
    store.add_kafka(tables, NOW, [sample(topic, 5, None), sample(topic, 0, None, partition=1)])
    later = NOW + timedelta(seconds=30)
    assert store.add_kafka(tables, later, [sample(topic, 5, None), sample(topic, 1, 0, partition=1)]) == {(topic, "g"): 30.0}


def test_old_samples_become_hourly_ones(tables: cursor) -> None:
    topic = f"t-{uuid4()}"
    hour = datetime(2026, 3, 13, 11, tzinfo=UTC)
    # Of the last, five records are done above the commit.
    for minutes, end, committed, lag in ((0, 10, 10, 0), (30, 20, 10, 10), (59, 40, 15, 20)):
        store.add_kafka(tables, hour + timedelta(minutes=minutes), [sample(topic, end, committed, lag=lag)])
    store.add_kafka(tables, hour + timedelta(minutes=65), [sample(topic, 41, 41)])
    store.add_flink(tables, hour, {topic: 1.0})
    thin(tables)
    tables.execute(
        "SELECT hour, samples, end_offset, committed_offset, average_lag, largest_lag, last_lag FROM kafka_samples_hourly WHERE topic = %s",
        (topic,),
    )
    assert tables.fetchall() == [(hour, 3, 40, 15, 10.0, 20, 20)]
    # The hour that is not over yet at the bound of seven days stays as it is.
    tables.execute("SELECT end_offset FROM kafka_samples WHERE topic = %s", (topic,))
    assert tables.fetchall() == [(41,)]
    tables.execute("SELECT count(*) FROM flink_samples WHERE metric = %s", (topic,))
    assert tables.fetchone() == (0,)


def test_old_samples_of_flink_become_hourly_ones(tables: cursor) -> None:
    name = f"m-{uuid4()}"
    hour = datetime(2026, 3, 13, 11, tzinfo=UTC)
    for minutes, value in ((0, 10.0), (30, 40.0), (45, 10.0), (65, 99.0)):
        store.add_flink(tables, hour + timedelta(minutes=minutes), {name: value})
    thin(tables)
    tables.execute("SELECT hour, samples, average, largest, last FROM flink_samples_hourly WHERE metric = %s", (name,))
    assert tables.fetchall() == [(hour, 3, 20.0, 40.0, 10.0)]
    tables.execute("SELECT value FROM flink_samples WHERE metric = %s", (name,))
    assert tables.fetchall() == [(99.0,)]


def test_old_samples_of_a_service_become_hourly_memory_and_cores(tables: cursor) -> None:
    name = f"s-{uuid4()}"
    hour = datetime(2026, 3, 13, 11, tzinfo=UTC)
    # 60 s of the processor in 10 minutes; then it began again and used 30 s in 5 minutes.
    for minutes, cpu, memory in ((0, 100.0, 10.0), (10, 160.0, 30.0), (15, 30.0, 20.0)):
        store.add_services(tables, hour + timedelta(minutes=minutes), {name: {"cpu_seconds": cpu, "memory_bytes": memory}})
    thin(tables)
    tables.execute(
        "SELECT metric, samples, average, largest, last FROM service_samples_hourly WHERE service = %s AND hour = %s ORDER BY metric",
        (name, hour),
    )
    assert tables.fetchall() == [
        ("cpu_cores", 2, pytest.approx(90 / 900), pytest.approx(0.1), pytest.approx(0.1)),
        ("memory_bytes", 3, pytest.approx(20), 30.0, 20.0),
    ]
    tables.execute("SELECT count(*) FROM service_samples WHERE service = %s", (name,))
    assert tables.fetchone() == (0,)


def test_what_a_service_used_across_the_end_of_an_hour_counts_once(tables: cursor) -> None:
    name = f"s-{uuid4()}"
    hour = datetime(2026, 3, 13, 10, tzinfo=UTC)
    # Half a core all the time: the hour at 10 lasts until the sample at 11:05, that at 11 until 12:10, which is still raw.
    for minutes in (0, 30, 65, 90, 130):
        store.add_services(tables, hour + timedelta(minutes=minutes), {name: {"cpu_seconds": minutes * 30.0}})
    assert thin(tables) == 2
    tables.execute("SELECT hour, metric, samples, average FROM service_samples_hourly WHERE service = %s ORDER BY hour", (name,))
    assert tables.fetchall() == [
        (hour, "cpu_cores", 2, pytest.approx(0.5)),
        (hour + timedelta(hours=1), "cpu_cores", 2, pytest.approx(0.5)),
    ]


def test_what_a_service_used_in_a_pause_of_its_samples_is_no_hours(tables: cursor) -> None:
    name = f"s-{uuid4()}"
    hour = datetime(2026, 3, 10, 10, tzinfo=UTC)
    for at, seconds in ((0, 0.0), (1800, 900.0), (200_000, 1000.0)):
        store.add_services(tables, hour + timedelta(seconds=at), {name: {"cpu_seconds": seconds}})
    thin(tables)
    tables.execute("SELECT hour, average FROM service_samples_hourly WHERE service = %s", (name,))
    assert tables.fetchall() == [(hour, pytest.approx(0.5))]


def test_what_has_piled_up_is_thinned_an_hour_at_a_time_and_a_day_a_round() -> None:
    hours = service.THIN_MOST_HOURS + 6
    first = NOW - store.RAW_FOR - timedelta(hours=hours)
    with private_tables() as url:
        with transaction(url, LOOK_UP_S) as into:
            for minutes in range(0, hours * 60 + 60, 15):
                store.add_kafka(into, first + timedelta(minutes=minutes), [sample("t", minutes, minutes)])
        left = []
        clock = ManualClock(NOW)
        away = httpx.Client(transport=httpx.MockTransport(lambda _: httpx.Response(500)))
        sampler = service.Sampler(url, Cluster(away=True), FlinkRest("http://flink", away), service.Targets(away), clock)
        for _ in range(3):
            sampler.sample()
            assert "thinning" not in sampler.problems
            with transaction(url, LOOK_UP_S) as into:
                into.execute("SELECT (SELECT count(*) FROM kafka_samples_hourly), (SELECT sum(samples) FROM kafka_samples_hourly)")
                left.append(into.fetchone())
    # The first hour began at half past.
    assert left == [(24, 24 * 4 - 2), (30, 30 * 4 - 2), (30, 30 * 4 - 2)]


def test_nothing_is_stored_of_services_that_said_nothing(tables: cursor) -> None:
    store.add_services(tables, NOW, {})


def test_a_sample_of_flink_is_kept(tables: cursor) -> None:
    name = f"m-{uuid4()}"
    store.add_flink(tables, NOW, {name: 12.5})
    tables.execute("SELECT time, value FROM flink_samples WHERE metric = %s", (name,))
    assert tables.fetchall() == [(NOW, 12.5)]
