"""Figures from the sampler's samples, written by hand; every expected value is worked out beside its rows."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import msgspec
import pytest

from streaming.figures.flink import event_time_lag, watermark_lag
from streaming.figures.model import mean_slots
from streaming.figures.run_summary import Percentiles
from streaming.figures.scope import Scope
from streaming.figures.values import Service
from streaming.figures.whole import services
from tests.integration.private_tables import private_tables
from tests.integration.report_rows import DAY, MIDNIGHT, NOON, ReportRows, at, of_run, report_rows

pytestmark = pytest.mark.integration

MIB = 1024 * 1024
HOUR = timedelta(hours=1)


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with private_tables() as tables:
        yield tables


@pytest.fixture
def rows(url: str) -> Iterator[ReportRows]:
    with report_rows(url) as tables:
        yield tables


def sample(rows: ReportRows, when: datetime, metric: str, value: float, service: str = "sampler") -> None:
    rows.insert("service_samples", time=when, service=service, metric=metric, value=value)


def an_old_hour(
    rows: ReportRows, hour: datetime, metric: str, samples: int, average: float, largest: float, table: str, **named: Any
) -> None:
    rows.insert(table, hour=hour, metric=metric, samples=samples, average=average, largest=largest, last=average, **named)


def used(rows: ReportRows, scope: Scope = DAY) -> list[Service]:
    with rows.reading() as cursor:
        return services(cursor, scope)


def lag(rows: ReportRows, scope: Scope = DAY) -> Percentiles:
    with rows.reading() as cursor:
        return event_time_lag(cursor, scope)


def slots(rows: ReportRows, scope: Scope = DAY) -> float | None:
    with rows.reading() as cursor:
        return mean_slots(cursor, scope)


def test_cores_are_seconds_of_the_processor_by_seconds_of_time(rows: ReportRows) -> None:
    for second, cpu in ((0, 100.0), (10, 103.0), (40, 106.0)):
        sample(rows, at(second), "cpu_seconds", cpu)
    # 3 s in 10 s, then 3 s in 30 s: 6 in 40, and 0.3 at most.
    assert used(rows) == [Service("sampler", pytest.approx(0.15), pytest.approx(0.3), None, None)]


def test_a_counter_that_fell_began_at_zero_again(rows: ReportRows) -> None:
    for second, cpu in ((0, 100.0), (10, 104.0), (20, 1.0), (30, 2.0)):
        sample(rows, at(second), "cpu_seconds", cpu)
    # 4, then 1 since its new start, then 1: 6 s in 30 s.
    assert used(rows) == [Service("sampler", pytest.approx(6 / 30), pytest.approx(0.4), None, None)]


def test_an_interval_counts_as_far_as_it_lies_in_the_scope(rows: ReportRows) -> None:
    for second, cpu in ((-20, 10.0), (20, 50.0), (40, 60.0), (60, 99.0)):
        sample(rows, at(second), "cpu_seconds", cpu)
    # Before the run and up to 20: 40 s in 40 s, one core, of which 20 s lie in the run; then 10 s in 20 s. What ends later is not counted.
    found = used(rows, of_run("run-1", NOON, at(50)))
    assert found == [Service("sampler", pytest.approx((20 * 1.0 + 20 * 0.5) / 40), pytest.approx(1.0), None, None)]


def test_memory_is_the_mean_and_the_largest_of_the_samples(rows: ReportRows) -> None:
    for second, mib in ((0, 100), (15, 200), (30, 120)):
        sample(rows, at(second), "memory_bytes", mib * MIB)
    sample(rows, MIDNIGHT, "memory_bytes", 9_000 * MIB)  # the next day
    assert used(rows) == [Service("sampler", None, None, pytest.approx(140), pytest.approx(200))]


def test_each_service_has_its_own_figures(rows: ReportRows) -> None:
    sample(rows, NOON, "memory_bytes", 10 * MIB, "storage_api")
    sample(rows, NOON, "memory_bytes", 30 * MIB, "sampler")
    assert [(each.service, each.mean_memory_mib) for each in used(rows)] == [("sampler", 30), ("storage_api", 10)]


def test_old_hours_give_the_same_kind_of_figures(rows: ReportRows) -> None:
    for hour, samples, cores, mib in ((NOON, 240, 0.2, 100), (NOON + HOUR, 120, 0.4, 400)):
        named = {"table": "service_samples_hourly", "service": "sampler"}
        an_old_hour(rows, hour, "cpu_cores", samples, cores, cores * 2, **named)
        an_old_hour(rows, hour, "memory_bytes", samples, mib * MIB, mib * MIB * 2, **named)
    # Cores by time: (0.2 + 0.4) / 2. Memory by samples: (240 * 100 + 120 * 400) / 360.
    assert used(rows) == [Service("sampler", pytest.approx(0.3), pytest.approx(0.8), pytest.approx(200), pytest.approx(800))]


def test_without_samples_there_are_no_services_no_lag_and_no_slots(rows: ReportRows) -> None:
    sample(rows, MIDNIGHT, "memory_bytes", 1.0)  # the next day
    assert used(rows) == []
    assert lag(rows) == Percentiles(None, None, None, None, None)
    assert slots(rows) is None


def test_event_time_lag_of_the_samples_in_the_scope(rows: ReportRows) -> None:
    for second, value in enumerate((500.0, 100.0, 300.0, 200.0, 400.0)):
        rows.insert("flink_samples", time=at(15 * second), metric="event_time_lag_ms", value=value)
    rows.insert("flink_samples", time=at(15), metric="uptime", value=9e9)
    rows.insert("flink_samples", time=MIDNIGHT, metric="event_time_lag_ms", value=9e9)
    # Of 100 to 500 the p-th percentile lies 4p steps of 100 ms above the least.
    assert lag(rows) == Percentiles(300, pytest.approx(460), pytest.approx(480), pytest.approx(496), 500)


def test_the_watermarks_lag_is_of_samples_of_its_own(rows: ReportRows) -> None:
    for second, value in enumerate((1500.0, 1100.0, 1300.0, 1200.0, 1400.0)):
        rows.insert("flink_samples", time=at(15 * second), metric="watermark_lag_ms", value=value)
    rows.insert("flink_samples", time=at(15), metric="event_time_lag_ms", value=9e9)
    an_old_hour(rows, NOON - HOUR, "watermark_lag_ms", 1, 1600.0, 1900.0, "flink_samples_hourly")
    with rows.reading() as cursor:
        found = watermark_lag(cursor, DAY)
    # Of 1,100 to 1,600 the half lies 2.5 steps of 100 ms above the least; the old hour keeps its largest.
    assert (found.p50, found.max) == (1350, 1900)


def test_event_time_lag_of_old_hours_is_that_of_their_averages_and_keeps_their_largest(rows: ReportRows) -> None:
    an_old_hour(rows, NOON, "event_time_lag_ms", 3, 100.0, 150.0, "flink_samples_hourly")
    an_old_hour(rows, NOON + HOUR, "event_time_lag_ms", 2, 200.0, 900.0, "flink_samples_hourly")
    # 100, 100, 100, 200, 200: 60 % of four steps is 2.4, beyond the third and before the fourth.
    found = lag(rows)
    assert (found.p50, found.p90, found.max) == (100, 200, 900)


def test_slots_are_the_mean_of_the_samples(rows: ReportRows) -> None:
    for second, value in ((0, 8.0), (15, 8.0), (30, 32.0)):
        sample(rows, at(second), "model_slots", value, "llm_consumer_service")
    assert slots(rows) == pytest.approx(16)
    an_old_hour(rows, NOON - HOUR, "model_slots", 3, 4.0, 4.0, "service_samples_hourly", service="llm_consumer_service")
    # Three of 16 and three of 4.
    assert slots(rows) == pytest.approx(10)
    assert slots(rows, of_run("run-1", at(30), at(31))) == 32


def test_slots_of_several_consumers_add_up(rows: ReportRows) -> None:
    for replica in ("10.0.0.4", "10.0.0.5"):
        sample(rows, NOON, "model_slots", 8.0, f"llm_consumer_service@{replica}")
        sample(rows, at(15), "model_slots", 4.0, f"llm_consumer_service@{replica}")
    # 16, then 8.
    assert slots(rows) == pytest.approx(12)


def test_figures_are_plain_values(rows: ReportRows) -> None:
    sample(rows, NOON, "memory_bytes", MIB)
    assert msgspec.json.decode(msgspec.json.encode(used(rows)), type=list[Service]) == used(rows)
