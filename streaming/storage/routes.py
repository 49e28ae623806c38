"""The HTTP calls of the storage API."""

import asyncio
from collections.abc import Coroutine
from typing import Annotated, Any
from uuid import UUID, uuid4

import msgspec
from fastapi import APIRouter, HTTPException, Path, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from prometheus_client import CONTENT_TYPE_LATEST

from streaming.errors import UserError
from streaming.identity import question_id
from streaming.names import Name
from streaming.services import BY_NAME, STORAGE_API
from streaming.storage import repository, schemas
from streaming.storage.parts import Parts
from streaming.storage.questions import DATABASE, Known
from streaming.storage.replay import Refusal
from streaming.storage.repository import Claim
from streaming.storage.schemas import MAX_WAIT_S, REFUSALS, QuestionIn, ReplayIn
from streaming.storage.states import Pending, body
from streaming.storage.timeline import read_timeline

router = APIRouter()

UNKNOWN: dict[int | str, dict[str, Any]] = {404: {"model": schemas.Detail, "description": "nobody asked this"}}
STATE: dict[int | str, dict[str, Any]] = {200: {"model": schemas.Found | schemas.Pending | schemas.Error}}


def reply(content: Any, status: int = 200) -> Response:
    """JSON, encoded once: no model validates it again on its way out."""
    return Response(msgspec.json.encode(content), status, media_type="application/json")


def _parts(request: Request) -> Parts:
    parts: Parts = request.app.state.parts
    return parts


@router.post(
    "/questions",
    responses={
        200: {"model": schemas.Found | schemas.Error, "description": "answered, or failed"},
        202: {"model": schemas.Pending, "description": "accepted, or on its way already"},
        **REFUSALS,
    },
)
async def ask(asked: QuestionIn, request: Request) -> Response:
    """Ask a question: found, pending, or failed before."""
    parts = _parts(request)
    await _refuse_unknown_model(parts, asked.model)
    if asked.callback_url is not None:
        _check_callback(parts, asked.callback_url)
    claim = Claim(
        question_id=question_id(asked.answer_set, asked.question_text),
        submission_id=uuid4(),
        answer_set=asked.answer_set,
        question_text=asked.question_text,
        original_answer=asked.original_answer,
        run_id=asked.run_id,
        model=asked.model,
    )
    known = await parts.questions.ask(claim)
    if asked.callback_url is not None and parts.callbacks is not None:
        await parts.callbacks.register(claim.question_id, asked.callback_url)
    return reply(body(*known), 202 if isinstance(known.state, Pending) else 200)


@router.get("/questions/{id}", responses={**STATE, **UNKNOWN, **REFUSALS})
async def read(id: UUID, request: Request, wait: Annotated[float, Query(ge=0, le=MAX_WAIT_S, allow_inf_nan=False)] = 0) -> Response:
    """The state of a question; with `wait`, a pending one is waited for so many seconds."""
    questions = _parts(request).questions
    known = await (_unless_gone(request, questions.wait(id, wait)) if wait > 0 else questions.read(id))
    return reply(body(*_known(known, id)))


@router.get("/questions/{id}/timeline", responses={**UNKNOWN, **REFUSALS})
async def timeline(id: UUID, request: Request) -> Response:
    """Every submission and attempt of a question, with outcome, score and the time in each stage."""
    found = await _parts(request).database.run(lambda connection: read_timeline(connection, id))
    if found is None:
        raise _nobody_asked(id)
    return reply(found)


@router.post(
    "/questions/{id}/replay",
    responses={
        200: {"model": schemas.Replayed, "description": "that submission was replayed before"},
        202: {"model": schemas.Pending, "description": "asked again"},
        409: {"model": schemas.Detail, "description": "the submission has not failed, or another came after it"},
        **UNKNOWN,
        **REFUSALS,
    },
)
async def replay(id: UUID, wanted: ReplayIn, request: Request) -> Response:
    """Ask a failed question again; naming the same submission twice replays it once."""
    parts = _parts(request)
    await _refuse_unknown_model(parts, wanted.model)
    result = await parts.questions.replay(id, wanted.submission_id, wanted.model, wanted.replay_id)
    if result is Refusal.UNKNOWN_QUESTION:
        raise _nobody_asked(id)
    if isinstance(result, Refusal):
        raise HTTPException(409, f"submission {wanted.submission_id} is not replayed: {result.value}")
    new, made = result
    if made:
        pending = Pending(question_id=id, submission_id=new, reference_hash=None)
        return reply({**body(pending, DATABASE), "replayed_as": new}, 202)
    known = _known(await parts.questions.read(id), id)
    before = {"status": "replayed", "question_id": id, "submission_id": wanted.submission_id, "replayed_as": new}
    return reply({**before, "state": body(*known)})


@router.post("/maintenance/requeue-stuck", responses={200: {"model": schemas.Requeued}, **REFUSALS})
async def requeue_stuck(request: Request) -> Response:
    """Ask lost questions again. Takes 15 s: two samples must show that nothing moves."""
    parts = _parts(request)
    done = await parts.stuck.requeue()
    if done["requeued"]:
        parts.enqueuer.claimed()
    return reply(done)


@router.get("/runs/{run_id}", responses={**UNKNOWN, **REFUSALS})
async def run(run_id: Annotated[Name, Path()], request: Request) -> Response:
    """A run's questions by state, and its row with its summary."""
    found = await _parts(request).database.run(lambda connection: repository.run_status(connection, run_id))
    if found is None:
        raise HTTPException(404, f"there is no run {run_id!r}")
    return reply(found)


@router.get("/healthz")
async def healthz() -> dict[str, str]:
    """The process is alive."""
    return {"service": STORAGE_API, "status": "alive"}


@router.get("/readyz", responses={503: {"description": "PostgreSQL is away or not provisioned"}})
async def readyz(request: Request) -> Response:
    """Whether questions are accepted, and the state of each dependency."""
    ready, dependencies = await _parts(request).health()
    status = "ready" if ready else "not ready"
    problems = {name: problem for name, problem in dependencies.items() if problem is not None}
    states = {name: "up" if problem is None else "down" for name, problem in dependencies.items()}
    found = {"service": STORAGE_API, "status": status, "dependencies": states, "problems": problems}
    return reply(found, 200 if ready else 503)


@router.get("/metrics", include_in_schema=False)
async def metrics() -> Response:
    """For Prometheus."""
    return Response(BY_NAME[STORAGE_API].exposed(), media_type=CONTENT_TYPE_LATEST)


async def _unless_gone(request: Request, waiting: Coroutine[Any, Any, Known | None]) -> Known | None:
    """What is waited for. Ends when the client leaves, which the server itself tells nobody: polls that were given up must not pile up."""
    work, left = asyncio.ensure_future(waiting), asyncio.ensure_future(_left(request))
    try:
        await asyncio.wait({work, left}, return_when=asyncio.FIRST_COMPLETED)
        if not work.done():
            raise HTTPException(499, "the client left before there was an answer")
        return work.result()
    finally:
        for task in (work, left):
            task.cancel()


async def _left(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


def _known(known: Known | None, id: UUID) -> Known:
    if known is None:
        raise _nobody_asked(id)
    return known


def _nobody_asked(id: UUID) -> HTTPException:
    return HTTPException(404, f"there is no question {id}")


def _check_callback(parts: Parts, url: str) -> None:
    if parts.callbacks is None:
        reason = "callbacks are off: set ANSWERLOOP_CALLBACK_HOSTS and ANSWERLOOP_CALLBACK_SECRET"
    else:
        try:
            parts.callbacks.check_url(url)
        except UserError as err:
            reason = str(err)
        else:
            parts.callbacks.refuse_when_full()
            return
    raise RequestValidationError([{"loc": ("body", "callback_url"), "msg": reason, "type": "forbidden_callback"}])


async def _refuse_unknown_model(parts: Parts, model: str | None) -> None:
    if model is not None and (reason := await parts.models.refusal(model)) is not None:
        raise RequestValidationError([{"loc": ("body", "model"), "msg": reason, "type": "unknown_model"}])
