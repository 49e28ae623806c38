"""The simulator's HTTP server: the paths of Ollama and of OpenAI, and `/simulator/...` to switch faults and quality and to look on."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import uvicorn
from fastapi import FastAPI, Request
from fastapi.responses import PlainTextResponse
from pydantic import BaseModel, ValidationError
from starlette.exceptions import HTTPException
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from streaming.errors import ConfigurationError
from streaming.model.server import SIMULATED
from streaming.settings import Settings
from streaming.simulator import openai, protocol
from streaming.simulator.calls import CallLog
from streaming.simulator.corpus import Corpus, CsvCorpus, DatabaseCorpus
from streaming.simulator.faults import FAULTS, QUALITY, Faults, Quality
from streaming.simulator.model import Character, SimulatedModel
from streaming.simulator.protocol import Dialect
from streaming.simulator.wire import TransportProtocol, Wire

S = TypeVar("S", bound=BaseModel)

SHUTDOWN_S = 2


class _Endpoint:
    """Where a dialect is answered, until the client leaves."""

    def __init__(self, model: SimulatedModel, dialect: Dialect) -> None:
        self._model = model
        self._dialect = dialect

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        wire = Wire(scope, receive, send)
        body = await wire.body()
        if body is None:
            return
        answering = asyncio.ensure_future(self._model.answer(wire, body, self._dialect))
        leaving = asyncio.ensure_future(wire.client_left())
        try:
            await asyncio.wait({answering, leaving}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            leaving.cancel()
            answered = answering.done()
            answering.cancel()
            await asyncio.gather(answering, leaving, return_exceptions=True)
        if answered:
            answering.result()


def create_app(
    character: Character, corpus: Corpus, faults: Faults | None = None, quality: Quality | None = None, calls: Path | None = None
) -> FastAPI:
    """The simulator as an ASGI application; its model is `app.state.model`. `calls`: a file that each call is written to."""
    model = SimulatedModel(character, corpus, faults or Faults(), quality or Quality(), CallLog(calls))
    app = FastAPI(title="Ollama simulator", exception_handlers={HTTPException: _as_text})
    app.state.model = model
    started_at = datetime.now(UTC)
    app.router.routes.append(Route("/api/generate", _Endpoint(model, protocol.GENERATE), methods=["POST"]))
    app.router.routes.append(Route("/api/chat", _Endpoint(model, protocol.CHAT), methods=["POST"]))
    app.router.routes.append(Route("/v1/chat/completions", _Endpoint(model, openai.COMPLETIONS), methods=["POST"]))

    @app.get("/", response_class=PlainTextResponse)
    async def root() -> str:
        return f"Ollama is running ({SIMULATED})"

    @app.get("/api/version")
    async def version() -> dict[str, str]:
        return {"version": protocol.VERSION}

    @app.get("/api/tags")
    async def tags() -> dict[str, Any]:
        return protocol.tags([character.model, character.other_model], started_at)

    @app.get("/v1/models")
    async def models() -> dict[str, Any]:
        return openai.models([character.model, character.other_model], started_at)

    @app.get("/simulator/faults")
    async def faults_now() -> Faults:
        return model.faults

    @app.put("/simulator/faults")
    async def play_faults(wanted: Faults) -> Faults:
        model.play(wanted)
        return model.faults

    @app.get("/simulator/quality")
    async def quality_now() -> Quality:
        return model.quality

    @app.put("/simulator/quality")
    async def answer_like(wanted: Quality) -> Quality:
        model.quality = wanted
        return model.quality

    @app.get("/simulator/stats")
    async def stats() -> dict[str, Any]:
        seen, slots = model.stats, model.slots
        return {
            "calls": seen.calls,
            "by_outcome": dict(seen.outcomes),
            "by_grade": dict(seen.grades),
            "in_flight": seen.in_flight,
            "max_in_flight": seen.max_in_flight,
            "slots": character.slots,
            "slots_busy": slots.busy,
            "waiting": slots.waiting,
        }

    @app.post("/simulator/reset")
    async def reset() -> dict[str, str]:
        model.forget()
        return {"status": "no prompt was asked yet"}

    return app


@asynccontextmanager
async def running(app: FastAPI, host: str = "127.0.0.1", port: int = 0) -> AsyncIterator[str]:
    """The application on a real socket, in this event loop; gives its address. Port 0: any that is free."""
    server = uvicorn.Server(_config(app, host, port))
    sockets = [server.config.bind_socket()]
    serving = asyncio.ensure_future(server.serve(sockets))
    try:
        while not server.started:
            if serving.done():
                serving.result()
            await asyncio.sleep(0.01)
        yield f"http://{host}:{sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        await serving


def serve(settings: Settings) -> None:
    """Run the simulator until it is told to stop."""
    character = Character(
        model=settings.model,
        other_model=settings.simulator_other_model,
        seed=settings.simulator_seed,
        slots=settings.simulator_slots,
        latency_s=settings.simulator_latency_ms / 1000,
        spread=settings.simulator_latency_spread,
    )
    paths = [Path(path) for path in settings.simulator_corpus.split(os.pathsep) if path]
    corpus = DatabaseCorpus(settings.database_url, otherwise=CsvCorpus(paths))
    faults = _initial(Faults, "ANSWERLOOP_SIMULATOR_FAULTS", settings.simulator_faults, FAULTS[settings.simulator_profile])
    quality = _initial(Quality, "ANSWERLOOP_SIMULATOR_QUALITY", settings.simulator_quality, QUALITY[settings.simulator_profile])
    app = create_app(character, corpus, faults, quality, settings.simulator_calls)
    uvicorn.Server(_config(app, settings.host, settings.simulator_port)).run()


def _config(app: FastAPI, host: str, port: int) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        host=host,
        port=port,
        http=TransportProtocol,
        log_level="warning",
        access_log=False,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=SHUTDOWN_S,
    )


def _initial(kind: type[S], name: str, text: str, default: S) -> S:
    if not text:
        return default
    try:
        return kind.model_validate_json(text)
    except ValidationError as err:
        raise ConfigurationError(f"{name}={text!r} cannot be used: {err}") from err


async def _as_text(_: Request, error: Exception) -> PlainTextResponse:
    """Unknown paths and methods are answered in plain text, as Ollama does."""
    assert isinstance(error, HTTPException)
    text = {404: "404 page not found", 405: "405 method not allowed"}.get(error.status_code, error.detail)
    return PlainTextResponse(text, error.status_code)
