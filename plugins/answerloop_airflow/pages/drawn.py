"""Reports as part of a page: as they were drawn when they were made. One that was drawn with other code than today's is drawn anew.

To draw takes a good part of a second, and so does importing plotly: what is drawn anew is kept, and plotly comes beside the pages.
"""

from collections.abc import Callable
from functools import lru_cache
from threading import Timer
from urllib.parse import quote

from markupsafe import Markup

from answerloop_airflow.pages import stored
from answerloop_airflow.pages.database import Database
from answerloop_airflow.pages.queries import nightly, reports
from streaming.figures.scope import Kind
from streaming.reports.stored_html import FILES, with_files

KEPT = 32
# After the first page has been answered: an import takes the processor from it.
SOON_S = 2.0


def drawn(database: Database, kind: Kind, subject: str, root: str) -> Markup | None:
    """The report as HTML in which every text is escaped, None while there is none. `root`: where the pages are mounted."""
    body = reports.body(database, kind, subject)
    if body is None:
        report = reports.stored(database, kind, subject)
        if report is None:
            return None
        body = _ANEW[kind](database, subject, report)
    return with_files(body, f"{root}/files/{kind.value}/{quote(subject)}/")


@lru_cache(maxsize=KEPT)
def drawn_trend(days: tuple[str, ...]) -> Markup:
    """How the main figures went from day to day, from the reports of days, as their JSON."""
    from streaming.reports.charts.trend import trend
    from streaming.reports.frame import Page, Section, fragment

    section = Section("trend", "Day by day", (), [trend(stored.readable_days(days))])
    return Markup(fragment(Page(kind="Nightly reports", title="Nightly", facts=(), simulated=False, tiles=(), sections=[section])))  # nosec B704 # a template that escapes drew it


def get_ready() -> None:
    """Import what draws in a moment, in a thread of its own."""
    timer = Timer(SOON_S, _import)
    timer.daemon = True
    timer.start()


def _import() -> None:
    from streaming.calibration import page as of_a_calibration  # noqa: F401
    from streaming.reports import page as of_a_report  # noqa: F401


@lru_cache(maxsize=KEPT)
def _report(kind: Kind, subject: str, report: str, earlier: tuple[str, ...]) -> str:
    """A report that is made anew is another text, and is drawn anew."""
    from streaming.reports.page import body

    return body(stored.report(report, kind, subject), stored.readable_days(earlier), FILES)


@lru_cache(maxsize=KEPT)
def _calibration(subject: str, calibration: str) -> str:
    from streaming.calibration.page import body

    return body(stored.calibration(calibration, subject), FILES)


_ANEW: dict[Kind, Callable[[Database, str, str], str]] = {
    Kind.RUN: lambda _database, run_id, report: _report(Kind.RUN, run_id, report, ()),
    Kind.DAY: lambda database, day, report: _report(Kind.DAY, day, report, tuple(reversed(nightly.earlier(database, day)))),
    Kind.CALIBRATION: lambda _database, subject, calibration: _calibration(subject, calibration),
}
