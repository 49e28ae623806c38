"""Run: how it gets on while it goes on, its report once there is one, and what it can be compared with."""

from datetime import timedelta
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, Response
from starlette.status import HTTP_204_NO_CONTENT

from answerloop_airflow.pages import stored
from answerloop_airflow.pages.context import Data, page
from answerloop_airflow.pages.database import Database, Row
from answerloop_airflow.pages.drawn import drawn
from answerloop_airflow.pages.progress import look_again_s
from answerloop_airflow.pages.queries import progress, reports, runs
from streaming.clock import SystemClock
from streaming.figures.scope import Kind

REPORT_WITHIN = timedelta(minutes=10)
router = APIRouter()


@router.get("/run")
def run(request: Request, database: Data, id: str) -> HTMLResponse:
    """`id`: of the traffic run."""
    found = runs.run(database, id)
    report = None if _goes_on(found) else drawn(database, Kind.RUN, id, request.scope.get("root_path", ""))
    # Shown only where there is no report.
    summary = stored.summary(found["summary"], id) if found["summary"] and not report else None
    return page(
        request,
        "run.html",
        run=found,
        summary=summary,
        report=report,
        replayed=None if _goes_on(found) else runs.replayed(database, id),
        awaited=report is None and _ended_lately(found),
        others=[each for each in runs.summarised(database) if each["run_id"] != id] if found["summary"] else [],
        moving=_moving(database, found) if _goes_on(found) else None,
    )


@router.get("/run/report")
def report(database: Data, id: str) -> Response:
    """Loads the page anew once the report is there."""
    is_there = reports.stored(database, Kind.RUN, id) is not None
    return Response(status_code=HTTP_204_NO_CONTENT, headers={"HX-Refresh": "true"} if is_there else None)


@router.get("/run/live")
def live(request: Request, database: Data, id: str) -> HTMLResponse:
    """The part that moves; once the run has ended, the page is loaded anew."""
    found = runs.run(database, id)
    headers = None if _goes_on(found) else {"HX-Refresh": "true"}
    return page(request, "run_live.html", headers=headers, run=found, moving=_moving(database, found))


def _goes_on(run: Row) -> bool:
    return run["state"] in runs.GOING_ON


def _moving(database: Database, run: Row) -> dict[str, Any]:
    clock = SystemClock()
    began = clock.monotonic()
    values = {
        "progress": progress.progress(database, run["run_id"], run["requests"]),
        "stages": progress.pending_by_stage(database, run["run_id"]),
        "waiting": progress.waiting(database),
    }
    return {**values, "again_s": look_again_s(clock.monotonic() - began)}


def _ended_lately(run: Row) -> bool:
    """Whether its report may still be on its way."""
    return run["finished_at"] is not None and SystemClock().now() - run["finished_at"] < REPORT_WITHIN
