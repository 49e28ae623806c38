"""Nightly: the reports of days, with how the main figures went; and the calibrations of the score threshold."""

from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse

from answerloop_airflow.pages.context import Data, page
from answerloop_airflow.pages.drawn import drawn, drawn_calibration, drawn_trend
from answerloop_airflow.pages.queries import nightly, reports
from streaming.errors import UserError
from streaming.reports.figures import Kind

# Days before the one that is shown, for its chart of how the main figures went.
EARLIER = 13
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
        trend=drawn_trend(tuple(nightly.figures(database, shown[0]["subject"]))) if shown else None,
        older=shown[-1]["subject"] if len(rows) > nightly.PER_PAGE else None,
        first=before is None,
        calibrations=nightly.calibrations(database) if before is None else [],
    )


@router.get("/nightly/day")
def day(request: Request, database: Data, day: Day) -> HTMLResponse:
    """`day`: YYYY-MM-DD, UTC."""
    report = reports.stored(database, Kind.DAY, day)
    if report is None:
        raise UserError(
            f"There is no report of the day {day}. Make it: `python -m streaming report day {day}`, or the DAG `nightly_metrics_report`."
        )
    beside = nightly.beside(database, day)
    earlier = nightly.figures(database, beside["before"])[:EARLIER] if beside["before"] else []
    files = f"{request.scope.get('root_path', '')}/files/day/{quote(day)}/"
    return page(request, "day.html", day=day, beside=beside, report=drawn(report, files, tuple(reversed(earlier))))


@router.get("/nightly/calibration")
def calibration(request: Request, database: Data, subject: str) -> HTMLResponse:
    """`subject`: scorer and dataset, as the list names them."""
    report = reports.stored(database, Kind.CALIBRATION, subject)
    if report is None:
        raise UserError(f"There is no calibration {subject!r}. The list under Nightly shows those that there are.")
    files = f"{request.scope.get('root_path', '')}/files/calibration/{quote(subject)}/"
    return page(request, "calibration.html", subject=subject, report=drawn_calibration(report, files))
