"""Question: a search by words or id, and the story of one question."""

from uuid import UUID

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from starlette.status import HTTP_303_SEE_OTHER

from answerloop_airflow.pages.context import Data, page
from answerloop_airflow.pages.lanes import STAGES, lanes
from answerloop_airflow.pages.queries import questions
from streaming.errors import UserError

LONGEST_SEARCH = 500
router = APIRouter()


@router.get("/questions")
def search(request: Request, database: Data, q: str = "") -> Response:
    """`q`: words of a question, or its id, which leads straight to it."""
    wanted = q.replace("\0", " ").strip()[:LONGEST_SEARCH]
    if id := _as_id(wanted):
        return RedirectResponse(f"{request.scope.get('root_path', '')}/question?id={id}", HTTP_303_SEE_OTHER)
    found = questions.found(database, wanted) if wanted else questions.answered_lately(database)
    return page(request, "questions.html", wanted=wanted, found=found, most=questions.SHOWN)


@router.get("/question")
def question(request: Request, database: Data, id: str) -> HTMLResponse:
    """`id`: of the question."""
    wanted = _as_id(id.strip())
    if wanted is None:
        raise UserError(f"{id[:100]!r} is no id of a question: an id is a UUID. Search for the question by its words under Questions.")
    story = questions.story(database, wanted)
    submissions = [(each, lanes(each)) for each in story["submissions"]]
    return page(request, "question.html", question=story, submissions=submissions, answer=_answer(story), stages=STAGES)


def _answer(story: dict[str, object]) -> dict[str, object] | None:
    """The attempt whose answer was accepted, None while there is none."""
    submissions: list[dict[str, object]] = story["submissions"]  # type: ignore[assignment]
    for submission in submissions:
        attempts: list[dict[str, object]] = submission["attempts"]  # type: ignore[assignment]
        if submission["outcome"] == "answered":
            return next((each for each in attempts if each["retry_count"] == submission["accepted_retry_count"]), None)
    return None


def _as_id(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
