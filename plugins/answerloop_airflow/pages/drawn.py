"""Reports as part of a page: drawing one takes a good part of a second, so those seen lately are kept."""

from functools import lru_cache

import msgspec
from markupsafe import Markup

from streaming.reports import calibration_page
from streaming.reports.charts.trend import trend
from streaming.reports.figures import Report
from streaming.reports.frame import Page, Section, fragment
from streaming.reports.page import body
from streaming.scoring.calibration import Calibration

KEPT = 32


@lru_cache(maxsize=KEPT)
def drawn(report: str, files: str, earlier: tuple[str, ...] = ()) -> Markup:
    """The report, given as its JSON, as HTML in which every text is escaped; `files` goes before the names of the files that it links to.

    `earlier`: reports of the days before. A report that is made anew is another text, and is drawn anew.
    """
    return Markup(body(_read(report), [_read(each) for each in earlier], files))


@lru_cache(maxsize=KEPT)
def drawn_trend(days: tuple[str, ...]) -> Markup:
    """How the main figures went from day to day, from the reports of days, as their JSON."""
    charts = [trend([_read(each) for each in days])]
    section = Section("trend", "Day by day", (), charts)
    return Markup(fragment(Page(kind="Nightly reports", title="Nightly", facts=(), simulated=False, tiles=(), sections=[section])))


@lru_cache(maxsize=KEPT)
def drawn_calibration(calibration: str, files: str) -> Markup:
    """The same as `drawn` for a calibration of the score threshold."""
    return Markup(calibration_page.body(msgspec.json.decode(calibration, type=Calibration), files))


def _read(report: str) -> Report:
    return msgspec.json.decode(report, type=Report)
