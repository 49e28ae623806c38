"""Stored reports, as the JSON that they are kept in."""

from answerloop_airflow.pages import stored as from_json
from answerloop_airflow.pages.database import Database
from streaming.errors import UserError
from streaming.reports.body import drawn_with
from streaming.reports.figures import Kind, Report

_REPORT = "SELECT report::text AS report FROM metric_reports WHERE kind = %(kind)s AND subject = %(subject)s"
_BODY = "SELECT body FROM metric_reports WHERE kind = %(kind)s AND subject = %(subject)s AND drawn_with = %(drawn_with)s"


def stored(database: Database, kind: Kind, subject: str) -> str | None:
    """The report of a run or a day, None while there is none."""
    row = database.row(_REPORT, kind=kind.value, subject=subject)
    return None if row is None else row["report"]


def body(database: Database, kind: Kind, subject: str) -> str | None:
    """Its HTML as it was drawn when it was made, None where there is none that today's code would draw."""
    row = database.row(_BODY, kind=kind.value, subject=subject, drawn_with=drawn_with())
    return None if row is None else row["body"]


def report(database: Database, kind: Kind, subject: str) -> Report:
    """The same as values; raises UserError where there is none, or one that an older version made."""
    found = stored(database, kind, subject)
    if found is None:
        raise UserError(f"There is no report of the {kind.value} {subject!r}.")
    return from_json.report(found, kind, subject)
