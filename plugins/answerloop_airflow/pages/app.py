"""The application behind the pages: its routes, its guard, its headers."""

from collections.abc import Awaitable, Callable
from typing import Any

from fastapi import Depends, FastAPI, Request, Response
from fastapi.responses import RedirectResponse

from answerloop_airflow.pages import assets, drawn
from answerloop_airflow.pages.addresses import WhereTheLoopIs
from answerloop_airflow.pages.failures import told_on_pages
from answerloop_airflow.pages.routes import compare, dag_run, failures, files, health, nightly, questions, run, runs

PREFIX = "/answerloop"
# Nothing is fetched from elsewhere, no script is taken from a page's text, and only Airflow may show the pages in a frame.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; connect-src 'self'; "
    "form-action 'self'; frame-ancestors 'self'; base-uri 'none'"
)


def pages(guard: Callable[..., Any], addresses: WhereTheLoopIs, prefix: str = PREFIX) -> FastAPI:
    """The pages. `guard`: a dependency that raises HTTPException for whoever may not see them, before anything else is looked at.

    `prefix`: where the application is mounted.
    """
    app = FastAPI(title="Answerloop", docs_url=None, redoc_url=None, openapi_url=None, dependencies=[Depends(guard)])
    drawn.get_ready()
    app.state.addresses = addresses
    app.state.prefix = prefix
    app.middleware("http")(_headers)
    told_on_pages(app)
    for module in (assets, runs, run, compare, failures, questions, nightly, files, health, dag_run):
        app.include_router(module.router)

    @app.get("/")
    def begin(request: Request) -> RedirectResponse:
        return RedirectResponse(f"{request.scope.get('root_path', '')}/runs")

    return app


async def _headers(request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
    response = await call_next(request)
    response.headers["Content-Security-Policy"] = POLICY
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Referrer-Policy"] = "same-origin"
    response.headers.setdefault("Cache-Control", "no-store")
    return response
