"""Reports as PostgreSQL keeps them: the newest of each day, run and calibration, each with its HTML for pages that show it."""

import logging
from collections.abc import Sequence
from datetime import datetime

import msgspec
from psycopg2.extensions import connection

from streaming.figures.scope import Kind
from streaming.figures.values import Figures, Report
from streaming.reports.page import body
from streaming.reports.stored_html import FILES, drawn_with

log = logging.getLogger(__name__)

# What the chart of the days before shows.
EARLIER = 14

_STORE = """
INSERT INTO metric_reports (kind, subject, since, until, simulated, report, body, drawn_with, created_at)
VALUES (%(kind)s, %(subject)s, %(since)s, %(until)s, %(simulated)s, %(report)s, %(body)s, %(drawn_with)s, %(now)s)
ON CONFLICT (kind, subject) DO UPDATE SET since = excluded.since, until = excluded.until, simulated = excluded.simulated,
    report = excluded.report, body = excluded.body, drawn_with = excluded.drawn_with, created_at = excluded.created_at
"""
_EARLIER = """
SELECT (report->'figures')::text FROM metric_reports WHERE kind = %s AND since < %s ORDER BY since DESC LIMIT %s
"""


def store(database: connection, report: Report, earlier: Sequence[Report], now: datetime) -> None:
    """Keep the report; it replaces an earlier one of the same day or run. `earlier`: reports of the days before, drawn beside it."""
    scope = report.figures.scope
    content = msgspec.json.encode(report).decode()
    keep(
        database,
        scope.kind,
        scope.subject,
        (scope.since, scope.until),
        simulated=scope.simulated,
        report=content,
        body=body(report, earlier, FILES),
        drawn_with=drawn_with(),
        now=now,
    )


def keep(
    database: connection,
    kind: Kind,
    subject: str,
    time: tuple[datetime, datetime],
    *,
    simulated: bool,
    report: str,
    body: str,
    drawn_with: str,
    now: datetime,
) -> None:
    """Keep a report, `report` its JSON and `body` its HTML; it replaces an earlier one of the same kind and subject.

    `drawn_with`: the digest of what drew the HTML.
    """
    since, until = time
    row = {"kind": kind.value, "subject": subject, "since": since, "until": until, "simulated": simulated, "report": report, "now": now}
    with database, database.cursor() as cursor:
        cursor.execute(_STORE, {**row, "body": body, "drawn_with": drawn_with})


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
