"""Runs: those that go on, moving by themselves, above those that have ended."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse

from answerloop_airflow.pages.context import Data, page
from answerloop_airflow.pages.database import Database
from answerloop_airflow.pages.progress import Progress, look_again_s
from answerloop_airflow.pages.queries import progress, runs
from streaming.clock import SystemClock

router = APIRouter()


@router.get("/runs")
def list_of_runs(request: Request, database: Data, before: Annotated[datetime | None, Query()] = None) -> HTMLResponse:
    """`before`: runs begun before that time, for the next page of the list."""
    rows = runs.ended(database, before.isoformat() if before else None)
    return page(
        request,
        "runs.html",
        running=[] if before else _running(database),
        ended=rows[: runs.PER_PAGE],
        older=rows[runs.PER_PAGE - 1]["started_at"].isoformat() if len(rows) > runs.PER_PAGE else None,
        first=before is None,
        again_s=look_again_s(0),
    )


@router.get("/runs/running")
def running(request: Request, database: Data, shown: str = "") -> HTMLResponse:
    """The part of the list that moves; `shown`: ids of the running runs on the page. When one has ended the whole list is out of date."""
    clock = SystemClock()
    began = clock.monotonic()
    found = _running(database)
    gone = set(shown.split()) - {run["run_id"] for run, _ in found}
    headers = {"HX-Refresh": "true"} if gone else None
    return page(request, "running.html", headers=headers, running=found, again_s=look_again_s(clock.monotonic() - began))


def _running(database: Database) -> list[tuple[dict[str, object], Progress]]:
    return [(dict(run), progress.progress(database, run["run_id"], run["requests"])) for run in runs.going_on(database)]
