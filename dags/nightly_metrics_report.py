"""The report of a day, midnight to midnight UTC: every figure of Kafka, the model, Flink and the whole loop, and of each run of the day.

It runs every night for the day that ended. Days before it was there, or that it missed: `airflow backfill create --dag-id
nightly_metrics_report --from-date 2026-03-01 --to-date 2026-03-07`, or this form, a day at a time. A day on which nothing happened has a
report that says so. Today is reported up to now and marked as not over; the night's run then replaces it. A second time replaces a
report, with the same figures once the day is over.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from airflow.sdk import Param, dag, task
from airflow.timetables.interval import CronDataIntervalTimetable

from answerloop_airflow.assets import REPORTS, RUNS
from answerloop_airflow.reports import report_day

FORM = {
    "day": Param(
        None,
        type=["string", "null"],
        format="date",
        title="Day",
        description="The day to report, in UTC; empty: yesterday, or the day of the schedule's data interval.",
    ),
}


@dag(
    schedule=CronDataIntervalTimetable("0 0 * * *", timezone="UTC"),
    start_date=datetime(2025, 1, 1, tzinfo=UTC),
    catchup=False,
    params=FORM,
    doc_md=__doc__,
    description="A day's figures and charts, every night.",
    tags=["answerloop", "reports"],
    default_args={"owner": "answerloop", "retries": 2, "retry_delay": timedelta(seconds=10), "execution_timeout": timedelta(minutes=30)},
)
def nightly_metrics_report() -> None:
    """One task. Retries are harmless: a report replaces itself."""

    # A run of the DAG without a logical date has no data interval.
    @task(inlets=[RUNS], outlets=[REPORTS])
    def report(*, params: dict[str, Any], outlet_events: Any, data_interval_start: datetime | None = None) -> dict[str, Any]:
        made = report_day(params["day"], data_interval_start)
        outlet_events[REPORTS].extra = {name: made[name] for name in ("kind", "subject", "path")}
        return made

    report()


nightly_metrics_report()
