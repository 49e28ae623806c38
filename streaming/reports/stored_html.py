"""A report's HTML, rendered once and stored, for pages that show it.

Rendering a report takes a good part of a second, and plotly's import as much again: nothing here needs plotly.
"""

import hashlib
from collections.abc import Sequence
from functools import cache
from importlib.metadata import version
from pathlib import Path

from markupsafe import Markup, escape

# Stands before the names of the files that stored HTML links to: where they are, the page that shows it knows.
FILES = "answerloop-files:"

_HERE = Path(__file__).parent
# What every report is drawn by; a calibration adds its own to it.
FRAME = (_HERE / "frame.py", _HERE / "digits.py", _HERE / "charts" / "drawing.py", _HERE / "templates" / "article.html")
PAGE = (
    *FRAME,
    _HERE / "page.py",
    _HERE / "metrics.py",
    _HERE / "csv_files.py",
    *(_HERE / "charts" / f"{name}.py" for name in ("flow", "latency", "load", "outcomes", "scores", "trend")),
)


def with_files(html: str, files: str) -> Markup:
    """Stored HTML with `files` before the names of the files that it links to.

    No text of a report can pass for such a link: in text and in JSON a quotation mark is never a bare one.
    """
    return Markup(html.replace(f'href="{FILES}', f'href="{escape(files)}'))  # nosec B704 # a template that escapes drew it


@cache
def drawn_with() -> str:
    """A digest of what draws the report of a run or a day."""
    return digest(PAGE)


def digest(files: Sequence[Path]) -> str:
    """A digest of these files of code and templates, and of plotly's version."""
    found = hashlib.sha256(version("plotly").encode())
    for file in sorted(files):
        found.update(f"{file.name}\0".encode() + file.read_bytes())
    return found.hexdigest()[:16]
