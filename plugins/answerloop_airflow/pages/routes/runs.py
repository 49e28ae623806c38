"""Runs: those that go on, moving by themselves, above those that have ended."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse

from answerloop_airflow.pages.context import Data, page
from answerloop_airflow.pages.database import Database, Row
from answerloop_airflow.pages.progress import Progress, look_again_s
from answerloop_airflow.pages.queries import progress, runs
from streaming.clock import SystemClock

router = APIRouter()


@router.get("/runs")
def list_of_runs(request: Request, database: Data, before: Annotated[datetime | None, Query()] = None) -> HTMLResponse:
    """`before`: runs begun before that time, for the next page of the list."""
    return _listed(request, database, "runs.html", before)


@router.get("/runs/running")
def running(request: Request, database: Data, shown: Annotated[list[str] | None, Query()] = None) -> HTMLResponse:
    """The part of the list that moves; `shown`: ids of the running runs on the page. Once one has ended, the whole list is replaced."""
    clock = SystemClock()
    began = clock.monotonic()
    found = _running(database)
    if set(shown or ()) - {run["run_id"] for run, _ in found}:
        response = _listed(request, database, "runs_list.html", None)
        response.headers["HX-Retarget"] = "#runs"
        return response
    return page(request, "running.html", running=found, again_s=look_again_s(clock.monotonic() - began))


def _listed(request: Request, database: Database, template: str, before: datetime | None) -> HTMLResponse:
    rows = runs.ended(database, before.isoformat() if before else None)
    return page(
        request,
        template,
        running=[] if before else _running(database),
        ended=rows[: runs.PER_PAGE],
        older=rows[runs.PER_PAGE - 1]["started_at"].isoformat() if len(rows) > runs.PER_PAGE else None,
        first=before is None,
        again_s=look_again_s(0),
    )


def _running(database: Database) -> list[tuple[Row, Progress]]:
    return [(run, progress.progress(database, run["run_id"], run["requests"])) for run in runs.going_on(database)]
