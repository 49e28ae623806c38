"""Stored reports, as the JSON that they are kept in."""

import msgspec

from answerloop_airflow.pages.database import Database
from streaming.errors import UserError
from streaming.reports.figures import Kind, Report

_REPORT = "SELECT report::text AS report FROM metric_reports WHERE kind = %(kind)s AND subject = %(subject)s"


def stored(database: Database, kind: Kind, subject: str) -> str | None:
    """The report of a run or a day, None while there is none."""
    row = database.row(_REPORT, kind=kind.value, subject=subject)
    return None if row is None else row["report"]


def report(database: Database, kind: Kind, subject: str) -> Report:
    """The same as values; raises UserError where there is none."""
    found = stored(database, kind, subject)
    if found is None:
        raise UserError(f"There is no report of the {kind.value} {subject!r}.")
    return msgspec.json.decode(found, type=Report)
