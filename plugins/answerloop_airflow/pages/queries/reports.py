"""Stored reports, as the JSON that they are kept in."""

from collections.abc import Callable, Mapping

from answerloop_airflow.pages import stored as from_json
from answerloop_airflow.pages.database import Database
from streaming.calibration import stored_html as calibrations
from streaming.errors import UserError
from streaming.figures.scope import Kind
from streaming.figures.values import Report
from streaming.reports import stored_html as reports

_REPORT = "SELECT report::text AS report FROM metric_reports WHERE kind = %(kind)s AND subject = %(subject)s"
_BODY = "SELECT body FROM metric_reports WHERE kind = %(kind)s AND subject = %(subject)s AND drawn_with = %(drawn_with)s"
_DRAWN_WITH: Mapping[Kind, Callable[[], str]] = {
    Kind.RUN: reports.drawn_with,
    Kind.DAY: reports.drawn_with,
    Kind.CALIBRATION: calibrations.drawn_with,
}


def stored(database: Database, kind: Kind, subject: str) -> str | None:
    """The report of a run or a day, None while there is none."""
    row = database.row(_REPORT, kind=kind.value, subject=subject)
    return None if row is None else row["report"]


def body(database: Database, kind: Kind, subject: str) -> str | None:
    """Its HTML as it was drawn when it was made, None where there is none that today's code would draw."""
    row = database.row(_BODY, kind=kind.value, subject=subject, drawn_with=_DRAWN_WITH[kind]())
    return None if row is None else row["body"]


def report(database: Database, kind: Kind, subject: str) -> Report:
    """The same as values; raises UserError where there is none, or one that an older version made."""
    found = stored(database, kind, subject)
    if found is None:
        raise UserError(f"There is no report of the {kind.value} {subject!r}.")
    return from_json.report(found, kind, subject)
