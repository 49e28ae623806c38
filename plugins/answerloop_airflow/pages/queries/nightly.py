"""Reports of days and of calibrations: their main figures, without reading the whole of any."""

from answerloop_airflow.pages.database import Database, Row
from streaming.figures.scope import Kind

PER_PAGE = 31
# Days before one that is shown, for its chart of how the main figures went.
EARLIER = 13

# A report holds its runs' figures too: only what stands in the list is taken out of it.
_DAYS = """
SELECT subject, simulated, created_at,
       (whole->>'requests')::int AS requests, (whole->>'answered')::int AS answered, (whole->>'failed')::int AS failed,
       (whole->>'failure_rate')::float8 AS failure_rate,
       (whole#>>'{real,p50}')::float8 AS real_p50, (whole#>>'{real,p95}')::float8 AS real_p95,
       (figures#>>'{flink,scores,mean_final}')::float8 AS score, (figures#>>'{model,calls}')::int AS calls,
       (figures->>'empty')::boolean AS empty, coalesce((figures#>>'{scope,partial}')::boolean, false) AS partial
FROM (
    SELECT subject, simulated, created_at, since, report->'figures' AS figures, report#>'{figures,whole}' AS whole
    FROM metric_reports
    WHERE kind = %(kind)s AND (%(before)s::text IS NULL OR subject < %(before)s)
    ORDER BY since DESC LIMIT %(limit)s
    OFFSET 0
) days ORDER BY since DESC
"""
_FIGURES = """
SELECT jsonb_build_object('figures', report->'figures')::text AS report FROM metric_reports
WHERE kind = %(kind)s AND subject {} %(day)s ORDER BY since DESC LIMIT %(limit)s
"""
_BESIDE = """
SELECT max(subject) FILTER (WHERE subject < %(day)s) AS before, min(subject) FILTER (WHERE subject > %(day)s) AS after
FROM metric_reports WHERE kind = %(kind)s
"""
_CALIBRATIONS = """
SELECT subject, simulated, created_at, report->>'scorer' AS scorer, report->>'dataset' AS dataset,
       (report->>'threshold')::float8 AS threshold, (report->>'recommended')::float8 AS recommended
FROM metric_reports WHERE kind = %(kind)s ORDER BY since DESC LIMIT %(limit)s
"""


def days(database: Database, before: str | None) -> list[Row]:
    """A page of days and one more if there are more; `before`: days before that one (YYYY-MM-DD)."""
    return database.rows(_DAYS, kind=Kind.DAY.value, before=before, limit=PER_PAGE + 1)


def figures(database: Database, last: str) -> list[str]:
    """Reports up to that day as JSON, without their runs' figures, the newest first."""
    return [row["report"] for row in database.rows(_FIGURES.format("<="), kind=Kind.DAY.value, day=last, limit=PER_PAGE)]


def earlier(database: Database, day: str) -> list[str]:
    """The same of days before that one."""
    return [row["report"] for row in database.rows(_FIGURES.format("<"), kind=Kind.DAY.value, day=day, limit=EARLIER)]


def beside(database: Database, day: str) -> Row:
    """`before` and `after`: the days next to it that have a report."""
    row = database.row(_BESIDE, kind=Kind.DAY.value, day=day)
    assert row is not None
    return row


def calibrations(database: Database) -> list[Row]:
    """The newest calibrations."""
    return database.rows(_CALIBRATIONS, kind=Kind.CALIBRATION.value, limit=PER_PAGE)
