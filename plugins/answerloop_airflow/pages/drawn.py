"""Reports as part of a page: drawing one takes a good part of a second, so those seen lately are kept."""

from functools import lru_cache

import msgspec
from markupsafe import Markup

from streaming.reports.figures import Report

KEPT = 32


@lru_cache(maxsize=KEPT)
def drawn(report: str, files: str, earlier: tuple[str, ...] = ()) -> Markup:
    """The report, given as its JSON, as HTML in which every text is escaped; `files` goes before the names of the files that it links to.

    `earlier`: reports of the days before. A report that is made anew is another text, and is drawn anew.
    """
    # Takes a moment to import and is needed where reports are drawn alone.
    from streaming.reports.page import body

    return Markup(body(_read(report), [_read(each) for each in earlier], files))


def _read(report: str) -> Report:
    return msgspec.json.decode(report, type=Report)
