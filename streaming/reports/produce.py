"""Makes reports: measured, quoted, stored, written."""

from datetime import date, datetime
from pathlib import Path

import msgspec
from psycopg2.extensions import connection

from streaming.clock import Clock
from streaming.figures.calibration_quote import quote
from streaming.figures.measure import day_report, run_report
from streaming.figures.queries import snapshot
from streaming.figures.values import Report
from streaming.postgres.connect import connected
from streaming.reports.folder import place, write
from streaming.reports.store import earlier_days, store
from streaming.scoring.scorer_name import scorer_name
from streaming.settings import Settings


def report_day(day: date, settings: Settings, clock: Clock) -> tuple[Report, Path]:
    """The report of a day and its page. A second time replaces both. Raises UserError, ConfigurationError, Unreachable."""
    now = clock.now()
    with connected(settings.reader_url) as database:
        with snapshot(database) as cursor:
            report = day_report(cursor, day, now, settings.score_threshold)
        earlier = earlier_days(database, report.figures.scope.since)
        return _kept(database, report, earlier, settings, now)


def report_run(run_id: str, settings: Settings, clock: Clock) -> tuple[Report, Path]:
    """The report of a traffic run and its page. A second time replaces both. Raises UserError, ConfigurationError, Unreachable."""
    now = clock.now()
    with connected(settings.reader_url) as database:
        with snapshot(database) as cursor:
            report = run_report(cursor, run_id, now, settings.score_threshold)
        return _kept(database, report, [], settings, now)


def _kept(database: connection, report: Report, earlier: list[Report], settings: Settings, now: datetime) -> tuple[Report, Path]:
    quoted = quote(database, scorer_name(settings.scorer_model, settings.scorer_layers), settings.score_threshold)
    report = msgspec.structs.replace(report, calibration=quoted)
    scope = report.figures.scope
    # Files first: a stored report always has its page.
    page = write(report, place(settings.reports_dir, scope.kind, scope.subject), earlier)
    store(database, report, earlier, now)
    return report, page
