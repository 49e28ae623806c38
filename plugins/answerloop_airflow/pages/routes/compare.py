"""Two runs side by side."""

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from answerloop_airflow.pages import comparison, stored
from answerloop_airflow.pages.context import Data, page
from answerloop_airflow.pages.database import Row
from answerloop_airflow.pages.queries import runs
from streaming.errors import UserError
from streaming.figures.run_summary import RunSummary

router = APIRouter()


@router.get("/compare")
def compare(request: Request, database: Data, left: str, right: str) -> HTMLResponse:
    """`left`, `right`: ids of traffic runs that have their summary."""
    both = [runs.run(database, each) for each in (left, right)]
    return page(
        request,
        "compare.html",
        left=both[0],
        right=both[1],
        parts=comparison.figures(*map(_summary, both)),
        settings=comparison.settings(both[0]["plan"], both[1]["plan"]),
        others=runs.summarised(database),
    )


def _summary(run: Row) -> RunSummary:
    if not run["summary"]:
        raise UserError(f"The run {run['run_id']!r} has no summary to compare: it is stored when the run has drained.")
    return stored.summary(run["summary"], run["run_id"])
