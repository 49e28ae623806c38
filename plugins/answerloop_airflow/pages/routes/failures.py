"""Failures: those that follow a filter, by cause, and the form that asks them again."""

from datetime import datetime
from typing import Annotated, Any
from urllib.parse import urlencode
from uuid import UUID

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse
from starlette.status import HTTP_200_OK, HTTP_422_UNPROCESSABLE_CONTENT

from answerloop_airflow.pages.context import Data, page
from answerloop_airflow.pages.queries import failures
from streaming.errors import UserError
from streaming.replays.plan import ReplayPlan, checked

REPLAY_DAG = "replay_failed_questions"
FILTER = ("cause", "run_id", "since", "until", "error_text")
router = APIRouter()


@router.get("/failures")
def list_of_failures(
    request: Request,
    database: Data,
    cause: str = "",
    run_id: str = "",
    since: str = "",
    until: str = "",
    error_text: str = "",
    before_at: Annotated[datetime | None, Query()] = None,
    before_id: Annotated[UUID | None, Query()] = None,
) -> HTMLResponse:
    """The filter is that of a replay; `before_at`, `before_id`: the last failure of the page above."""
    given = _given(cause, run_id, since, until, error_text)
    plan, refusal = _plan(given)
    before = (before_at, before_id) if before_at and before_id else None
    rows = failures.newest(database, plan, before) if plan else []
    last = rows[failures.PER_PAGE - 1] if len(rows) > failures.PER_PAGE else None
    causes = failures.by_cause(database, plan) if plan else []
    return page(
        request,
        "failures.html",
        HTTP_422_UNPROCESSABLE_CONTENT if refusal else HTTP_200_OK,
        given=given,
        refusal=refusal,
        causes=causes,
        left_over=sum(each["left_over"] for each in causes if not cause or each["cause"] == cause),
        failures=rows[: failures.PER_PAGE],
        filter=_address(given),
        addresses={each["cause"]: _address({**given, "cause": each["cause"]}) for each in causes},
        older=last and _address({**given, "before_at": last["failed_at"].isoformat(), "before_id": str(last["submission_id"])}),
        first=before is None,
    )


@router.get("/replay")
def form(
    request: Request, database: Data, cause: str = "", run_id: str = "", since: str = "", until: str = "", error_text: str = ""
) -> HTMLResponse:
    """The form of the DAG that replays, with this filter in it."""
    given = _given(cause, run_id, since, until, error_text)
    plan, refusal = _plan(given)
    causes = failures.by_cause(database, plan) if plan else []
    return page(
        request,
        "replay.html",
        HTTP_422_UNPROCESSABLE_CONTENT if refusal else HTTP_200_OK,
        dag_id=REPLAY_DAG,
        given=given,
        refusal=refusal,
        fields=ReplayPlan.model_json_schema()["properties"],
        left_over=sum(each["left_over"] for each in causes if not cause or each["cause"] == cause),
        filter=_address(given),
    )


def _given(*values: str) -> dict[str, str]:
    return {name: value.strip() for name, value in zip(FILTER, values, strict=True)}


def _plan(given: dict[str, str]) -> tuple[ReplayPlan | None, str | None]:
    """The filter as a plan, or why it is none: one field is wrong, and the others stay filled in."""
    try:
        return checked(**{name: value or None for name, value in given.items()}), None
    except UserError as err:
        return None, str(err).partition("\n")[2] or str(err)


def _address(given: dict[str, Any]) -> str:
    return urlencode({name: value for name, value in given.items() if value})
