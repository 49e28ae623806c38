"""The frame of every report page: header, tiles, sections of charts and tables, as HTML that asks nobody for anything.

A page is described by the values below and drawn by plotly in the browser. There are two ways to show it:

* `document(page)`: one file that opens from disk. Library, style and script are inside; its content security policy forbids any request.
* `fragment(page)`: the page alone, for a host page that serves `style()`, `library()` and `script()` as files, once for all pages, in that
  order, the scripts with `defer`. It follows the colour scheme of the system, unless the host sets `data-scheme` to `light` or `dark` on
  <html>; who does so later tells the charts by dispatching the event `answerloop:scheme` on the document.

Every text is escaped here: callers pass what they have. Only figures are theirs to keep clean (see `charts.drawing.label`).
"""

import base64
import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from plotly.graph_objects import Figure
from plotly.offline import get_plotlyjs

TEMPLATES = Path(__file__).parent / "templates"
# What would end a script element or start a comment in it, and what JavaScript once took for line ends.
_UNSAFE_IN_SCRIPT = {ord(each): f"\\u{ord(each):04x}" for each in "<>&\u2028\u2029"}

_templates = Environment(
    loader=FileSystemLoader(TEMPLATES), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
)


@dataclass(frozen=True)
class Tile:
    """A main figure: "Failure rate", "2.1 %", and a note that puts it in place."""

    name: str
    value: str
    note: str = ""


@dataclass(frozen=True)
class Table:
    """Rows of cells as they are read. The first `text_columns` are names, aligned to the left; the others numbers, to the right."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    text_columns: int = 1


@dataclass(frozen=True)
class Chart:
    """A figure and the one sentence under it that says what it shows; `table` holds the same figures for who cannot see it.

    `slug` is unique on its page. `figure` is None where there is nothing to draw: then the sentence says so and stands alone.
    `least_width`: pixels that the drawing needs to be read; on a narrower screen it scrolls by itself.
    """

    slug: str
    title: str
    caption: str
    figure: Figure | None
    table: Table | None = None
    least_width: int = 0


@dataclass(frozen=True)
class Section:
    """A heading with sentences, charts and tables under it. `folded` tables and charts wait behind the heading until it is opened."""

    slug: str
    title: str
    sentences: Sequence[str] = ()
    charts: Sequence[Chart] = ()
    tables: Sequence[Table] = ()
    folded: bool = False


@dataclass(frozen=True)
class Page:
    """A report. `kind`: "Run report". `facts`: what it is about, as (name, value). `files`: (file name, what it holds) beside the page."""

    kind: str
    title: str
    facts: Sequence[tuple[str, str]]
    simulated: bool
    tiles: Sequence[Tile]
    sections: Sequence[Section]
    files: Sequence[tuple[str, str]] = ()


def document(page: Page) -> str:
    """The whole HTML file."""
    scripts = [library(), script()]
    return _templates.get_template("document.html").render(
        page=page,
        files="",
        style=Markup(style()),  # nosec B704 # files of this package
        scripts=[Markup(each) for each in scripts],  # nosec B704 # files of this package
        policy=f"default-src 'none'; img-src data: blob:; style-src 'unsafe-inline'; script-src {' '.join(map(_hash, scripts))}",
        figure_json=_figure_json,
    )


def fragment(page: Page, files: str = "") -> str:
    """The <article> of the page alone; `files` is put before the names of the files that it links to, such as "reports/run/ID/"."""
    return _templates.get_template("article.html").render(page=page, files=files, figure_json=_figure_json)


def style() -> str:
    """The style sheet. All of it applies within `.report`, but for the colours."""
    return (TEMPLATES / "report.css").read_text()


def library() -> str:
    """plotly.js as its package carries it."""
    source: str = get_plotlyjs()
    return source


def script() -> str:
    """Draws the charts of a page in the colours of the scheme, and again when that changes."""
    return (TEMPLATES / "report.js").read_text()


def safe_json(value: Any) -> Markup:
    """JSON that can stand in a script element, whatever its strings hold."""
    text = json.dumps(value, ensure_ascii=False, allow_nan=False)
    return Markup(text.translate(_UNSAFE_IN_SCRIPT))  # nosec B704 # what could end a script is escaped


def _figure_json(figure: Figure) -> Markup:
    return safe_json(json.loads(figure.to_json()))


def _hash(source: str) -> str:
    """The name of an inline script in a content security policy."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(source.encode()).digest()).decode()}'"
