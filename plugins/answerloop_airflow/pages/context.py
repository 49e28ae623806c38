"""What every route is given: the database, the addresses, and how a template is filled in."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, NamedTuple

from fastapi import Depends, Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.status import HTTP_200_OK

from answerloop_airflow.pages import assets, words
from answerloop_airflow.pages.addresses import Addresses
from answerloop_airflow.pages.database import Database


class Entry(NamedTuple):
    """An entry of the pages' own menu."""

    path: str
    title: str


MENU = (
    Entry("/runs", "Runs"),
    Entry("/failures", "Failures"),
    Entry("/questions", "Questions"),
    Entry("/nightly", "Nightly"),
    Entry("/health", "Health"),
)

# Whatever a question or an answer holds, it is text: everything is escaped. No template says otherwise.
_templates = Environment(
    loader=FileSystemLoader(Path(__file__).with_name("templates")),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_templates.filters |= words.FILTERS


def addresses_of(request: Request) -> Addresses:
    """Where the loop is; raises ConfigurationError."""
    found: Addresses = request.app.state.addresses()
    return found


def database_of(request: Request) -> Database:
    return Database(addresses_of(request).settings.database_url)


Where = Annotated[Addresses, Depends(addresses_of)]
Data = Annotated[Database, Depends(database_of)]


def page(
    request: Request, template: str, status: int = HTTP_200_OK, headers: Mapping[str, str] | None = None, **values: Any
) -> HTMLResponse:
    """The template, filled in. `root` is where the pages are mounted: every address in a template begins with it."""
    root: str = request.scope.get("root_path", "")
    text = _templates.get_template(template).render(
        root=root,
        airflow=root.removesuffix(request.app.state.prefix),
        menu=MENU,
        path=request.url.path.removeprefix(root),
        live=assets.htmx() is not None,
        assets_version=assets.version(),
        **values,
    )
    return HTMLResponse(text, status, headers)
