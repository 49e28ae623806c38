"""Reports as PostgreSQL keeps them: the newest of each day and run."""

import logging
from datetime import datetime

import msgspec
from psycopg2.extensions import connection

from streaming.reports.figures import Figures, Kind, Report

log = logging.getLogger(__name__)

# What the chart of the days before shows.
EARLIER = 14

_STORE = """
INSERT INTO metric_reports (kind, subject, since, until, simulated, report, created_at)
VALUES (%s, %s, %s, %s, %s, %s, %s)
ON CONFLICT (kind, subject) DO UPDATE SET since = excluded.since, until = excluded.until, simulated = excluded.simulated,
    report = excluded.report, created_at = excluded.created_at
"""
_EARLIER = """
SELECT (report->'figures')::text FROM metric_reports WHERE kind = %s AND since < %s ORDER BY since DESC LIMIT %s
"""


def store(database: connection, report: Report, now: datetime) -> None:
    """Keep the report; it replaces an earlier one of the same day or run."""
    scope = report.figures.scope
    content = msgspec.json.encode(report).decode()
    with database, database.cursor() as cursor:
        cursor.execute(_STORE, (scope.kind.value, scope.subject, scope.since, scope.until, scope.simulated, content, now))


def earlier_days(database: connection, before: datetime) -> list[Report]:
    """Up to 14 stored reports of days before this one, oldest first, without their runs. One of an older shape is left out."""
    with database, database.cursor() as cursor:
        cursor.execute(_EARLIER, (Kind.DAY.value, before, EARLIER))
        found = cursor.fetchall()
    days = []
    for (figures,) in reversed(found):
        try:
            days.append(Report(msgspec.json.decode(figures, type=Figures)))
        except msgspec.ValidationError as err:
            log.warning("a stored report of a day cannot be read (%s): make it again", err)
    return days
