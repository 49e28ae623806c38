"""The state of each component, asked at once and with short deadlines: who is away costs a page no more than who is there."""

import asyncio
import socket
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

import httpx

from answerloop_airflow.pages.addresses import Addresses
from answerloop_airflow.pages.database import Database
from answerloop_airflow.pages.health import DOWN, NOT_READY, UP, Checkpoint, Component, Health, checkpoint
from streaming.errors import AnswerloopError, Unreachable
from streaming.flink_rest import FlinkRest
from streaming.model.server import ModelServer
from streaming.model.servers import model_server
from streaming.reports.digits import noun
from streaming.services import BY_NAME, JOB_SUBMITTER, STORAGE_API
from streaming.settings import Settings
from streaming.topics import FLINK_SCORE_JOB

Found = TypeVar("Found")

TIMEOUT_S = 1.5
# A timeout holds for each packet alone: what drips is given up after so long, all of it.
DEADLINE_S = 3.0
# A word in what a service says, and what a person does about it.
CURES = {
    "provision": ("Topics or tables are missing: this makes them, and services go on by themselves.", "python -m streaming provision"),
    "model": (
        "The gate is closed: start the model server, pull the model, or correct ANSWERLOOP_MODEL. Questions wait; none fails.",
        "curl $ANSWERLOOP_OLLAMA_URL/api/tags",
    ),
    "kafka": ("Kafka is away: questions are kept in PostgreSQL and follow by themselves.", "make logs S=kafka"),
    "postgresql": ("PostgreSQL is away: questions are refused with 503.", "make up"),
}


def look(
    where: Addresses,
    database: Database,
    now_s: float,
    transport: httpx.BaseTransport | None = None,
    server: Callable[[Settings], ModelServer] = model_server,
) -> Health:
    """Ask everybody at once. `now_s`: seconds since 1970. `transport` and `server` stand in for the network in tests."""
    settings = where.settings
    services = {JOB_SUBMITTER: where.job_submitter_url, **settings.sampler_targets, STORAGE_API: settings.api_url}
    token = settings.api_token.get_secret_value() if settings.api_token else None
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    threads = ThreadPoolExecutor(len(services) + 5)
    until = time.monotonic() + DEADLINE_S
    with httpx.Client(timeout=TIMEOUT_S, trust_env=False, transport=transport) as http:
        readiness = {
            name: threads.submit(_service, name, url, http, headers if url == settings.api_url else {}) for name, url in services.items()
        }
        stored = threads.submit(_postgres, database)
        model = threads.submit(_model, server(settings))
        flink = threads.submit(_flink, where.flink_url, http, now_s)
        kafka = threads.submit(_kafka, settings.kafka_bootstrap)
        redis = threads.submit(_redis, where.redis)
        # Nobody waits for the thread of whoever has not answered by then.
        threads.shutdown(wait=False)
        job, checkpoint = _by(until, flink, (_late("flink score job", "make logs S=flink-jobmanager"), None))
        stores = {"postgresql": stored, "kafka": kafka, "redis": redis, "model server": model}
        return Health(
            components=[
                *(_by(until, store, _late(name, "make status")) for name, store in stores.items()),
                job,
                *(_by(until, readiness[name], _late(name, f"make logs S={_program(name)}")) for name in sorted(readiness)),
            ],
            checkpoint=checkpoint,
        )


def _by(until: float, asked: Future[Found], late: Found) -> Found:
    try:
        return asked.result(max(until - time.monotonic(), 0))
    except TimeoutError:
        return late


def _late(name: str, command: str) -> Component:
    return Component(name, DOWN, f"does not answer within {DEADLINE_S:g} s", "Its log says what holds it up.", command)


def _program(name: str) -> str:
    """What runs a service; one that is none of the loop's, but is sampled all the same, has its own name."""
    return BY_NAME[name].command if name in BY_NAME else name


def _service(name: str, url: str, http: httpx.Client, headers: Mapping[str, str]) -> Component:
    log = f"make logs S={_program(name)}"
    try:
        reply = http.get(f"{url}/readyz", headers=headers)
        said = reply.json()
    except (httpx.HTTPError, ValueError) as err:
        return Component(name, DOWN, f"{url} does not answer ({type(err).__name__})", "Its log says why it is not there.", log)
    problems = said.get("problems") if isinstance(said, dict) else None
    says = "; ".join(f"{part}: {problem}" for part, problem in problems.items()) if isinstance(problems, dict) else ""
    if reply.status_code == 200:
        # The API says so, too, while it works around what is away.
        return Component(name, UP, says)
    act, command = next((cure for word, cure in CURES.items() if word in says), ("It goes on by itself when that is put right.", log))
    return Component(name, NOT_READY, says or f"answers {reply.status_code}", act, command)


def _postgres(database: Database) -> Component:
    try:
        database.row("SELECT 1")
    except AnswerloopError as err:
        return Component("postgresql", DOWN, str(err), "Questions are refused with 503 until it is back.", "make up")
    return Component("postgresql", UP)


def _kafka(bootstrap: str) -> Component:
    """Up where one of its brokers listens: what the services make of it they say themselves."""
    problems = [problem for place in bootstrap.split(",") if (problem := _listens(place.strip()))]
    if len(problems) < len(bootstrap.split(",")):
        return Component("kafka", UP)
    return Component("kafka", DOWN, "; ".join(problems), *CURES["kafka"])


def _redis(place: str) -> Component:
    problem = _listens(place)
    if problem:
        return Component("redis", DOWN, problem, "Answers come from PostgreSQL meanwhile, slower; nothing is lost.", "make logs S=redis")
    return Component("redis", UP)


def _listens(place: str) -> str:
    """Why nobody can connect to `host:port`; empty where somebody can."""
    host, _, port = place.rpartition(":")
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=TIMEOUT_S).close()
    except (OSError, ValueError) as err:
        return f"{place} does not answer ({err})"
    return ""


def _model(server: ModelServer) -> Component:
    async def version() -> str:
        async with server:
            return await server.version(TIMEOUT_S)

    try:
        return Component("model server", UP, f"version {asyncio.run(version())}")
    except Unreachable as err:
        says = f"{server.address} does not answer ({err})"
        return Component("model server", DOWN, says, "Start it; questions wait meanwhile and none fails.", f"curl -i {server.address}")


def _flink(url: str, http: httpx.Client, now_s: float) -> tuple[Component, Checkpoint | None]:
    """The score job and its newest checkpoint."""

    rest = FlinkRest(url, http)
    try:
        overview, job = rest.get("/overview"), rest.running(FLINK_SCORE_JOB)
        slots = f"{overview['slots-available']} of {noun(overview['slots-total'], 'slot')} free"
        says = f"{noun(overview['taskmanagers'], 'TaskManager')}, {slots}"
        if job is None:
            act = "The submitter brings it back by itself within a minute; its log says what keeps it."
            return Component("flink score job", DOWN, f"no job runs; {says}", act, "make logs S=job-submitter"), None
        return Component("flink score job", UP, says), checkpoint(rest.get(f"/jobs/{job}/checkpoints"), now_s)
    except (Unreachable, ValueError, LookupError, TypeError) as err:
        says = str(err) if isinstance(err, Unreachable) else f"{url} does not answer as Flink does ({type(err).__name__})"
        return Component("flink score job", DOWN, says, "Answers wait unscored until Flink is back.", "make logs S=flink-jobmanager"), None
