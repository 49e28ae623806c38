"""What is kept of a report's looks: its HTML as part of a page of others, drawn once, when the report is made.

To draw a report takes a good part of a second, and plotly's import as much again: nothing here needs plotly.
"""

import hashlib
from functools import cache
from importlib.metadata import version
from pathlib import Path

from markupsafe import Markup, escape

# Stands before the names of the files that a kept body links to: where they are, the page that shows it knows.
FILES = "answerloop-files:"
DRAWS = {".py", ".html"}


def with_files(body: str, files: str) -> Markup:
    """A kept body as HTML, with `files` before the names of the files that it links to.

    No text of a report can pass for such a link: in text and in JSON a quotation mark is never a bare one.
    """
    return Markup(body.replace(f'href="{FILES}', f'href="{escape(files)}'))  # nosec B704 # a template that escapes drew it


@cache
def drawn_with() -> str:
    """A digest of what draws: this package's code and templates, plotly's version."""
    digest = hashlib.sha256(version("plotly").encode())
    folder = Path(__file__).parent
    for file in sorted(folder.rglob("*")):
        if file.suffix in DRAWS:
            digest.update(f"{file.relative_to(folder)}\0".encode() + file.read_bytes())
    return digest.hexdigest()[:16]
