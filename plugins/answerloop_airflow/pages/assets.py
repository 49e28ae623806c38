"""The files beside the pages: styles and scripts of ours, htmx for the live parts, Plotly for charts. Nothing comes from outside."""

import hashlib
from functools import cache
from pathlib import Path

from fastapi import APIRouter
from fastapi.responses import FileResponse

from streaming import reports, settings
from streaming.errors import UserError

STATIC = Path(__file__).with_name("static")
REPORTS = Path(reports.__file__).with_name("templates")
TYPES = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
# A file is asked for under the version of all: a new version has a new address.
A_YEAR = "private, max-age=31536000, immutable"
router = APIRouter()


@router.get("/static/{version}/{name}")
def asset(version: str, name: str) -> FileResponse:
    """A file by its name alone: no path leads elsewhere."""
    found = files().get(name)
    if found is None:
        raise UserError(f"There is no file {name!r} for these pages.")
    return FileResponse(found, media_type=TYPES[found.suffix], headers={"Cache-Control": A_YEAR})


@cache
def files() -> dict[str, Path]:
    """Every file that is served, by name."""
    found = {file.name: file for folder in (STATIC, REPORTS) for file in folder.iterdir() if file.suffix in TYPES}
    for each in (htmx(), plotly()):
        if each is not None:
            found[each.name] = each
    return found


@cache
def version() -> str:
    """A digest of the files."""
    digest = hashlib.sha256()
    for _, file in sorted(files().items()):
        digest.update(file.read_bytes())
    return digest.hexdigest()[:12]


@cache
def htmx() -> Path | None:
    """htmx, which makes parts of a page live; None where setup has not brought it: pages then stand still until they are reloaded."""
    folder = settings.load().web_assets
    return next(folder.rglob("htmx.min.js"), None) if folder else None


@cache
def plotly() -> Path | None:
    """The library of the charts, as its Python package carries it."""
    from importlib.util import find_spec

    spec = find_spec("plotly")
    file = Path(spec.origin).parent / "package_data" / "plotly.min.js" if spec and spec.origin else None
    return file if file and file.is_file() else None
