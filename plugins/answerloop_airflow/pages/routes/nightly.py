"""Nightly: the reports of days, with how the main figures went; and the calibrations of the score threshold."""

from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse
from markupsafe import Markup

from answerloop_airflow.pages import assets
from answerloop_airflow.pages.context import Data, page
from answerloop_airflow.pages.database import Database
from answerloop_airflow.pages.drawn import drawn, drawn_trend
from answerloop_airflow.pages.queries import nightly
from streaming.errors import UserError
from streaming.figures.scope import Kind

Day = Annotated[str, Query(pattern=r"^\d{4}-\d{2}-\d{2}$")]
router = APIRouter()


@router.get("/nightly")
def list_of_days(request: Request, database: Data, before: Annotated[Day | None, Query()] = None) -> HTMLResponse:
    """`before`: days before that one, for the next page of the list."""
    rows = nightly.days(database, before)
    shown = rows[: nightly.PER_PAGE]
    return page(
        request,
        "nightly.html",
        days=shown,
        # Drawing it takes longer than a page may: it follows by itself where htmx is there to fetch it.
        trend=None if not shown or assets.htmx() else _trend(database, shown[0]["subject"]),
        older=shown[-1]["subject"] if len(rows) > nightly.PER_PAGE else None,
        first=before is None,
        calibrations=nightly.calibrations(database) if before is None else [],
    )


@router.get("/nightly/trend")
def trend(database: Data, last: Day) -> HTMLResponse:
    """The part of the list that shows how the main figures went up to that day."""
    return HTMLResponse(_trend(database, last))


def _trend(database: Database, last: str) -> Markup:
    return drawn_trend(tuple(nightly.figures(database, last)))


@router.get("/nightly/day")
def day(request: Request, database: Data, day: Day) -> HTMLResponse:
    """`day`: YYYY-MM-DD, UTC."""
    report = drawn(database, Kind.DAY, day, request.scope.get("root_path", ""))
    if report is None:
        raise UserError(
            f"There is no report of the day {day}. Make it: `python -m streaming report day {day}`, or the DAG `nightly_metrics_report`."
        )
    return page(request, "day.html", day=day, beside=nightly.beside(database, day), report=report)


@router.get("/nightly/calibration")
def calibration(request: Request, database: Data, subject: str) -> HTMLResponse:
    """`subject`: scorer and dataset, as the list names them."""
    report = drawn(database, Kind.CALIBRATION, subject, request.scope.get("root_path", ""))
    if report is None:
        raise UserError(f"There is no calibration {subject!r}. The list under Nightly shows those that there are.")
    return page(request, "calibration.html", subject=subject, report=report)
