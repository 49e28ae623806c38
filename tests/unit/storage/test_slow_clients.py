"""Clients that hold connections or polls without getting on, on a real server."""

import asyncio
import socket
from collections.abc import AsyncIterator
from uuid import uuid4

import pytest
import uvicorn

from streaming import slow_clients
from streaming.settings import Settings
from streaming.storage.api import create_app
from streaming.storage.questions import Known
from streaming.storage.states import Pending

DEADLINE_S = 10.0
HALF = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nX-"
WHOLE = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"


class Polls:
    """Questions that are pending for ever, and who waits for one."""

    def __init__(self) -> None:
        self.waiting = 0

    async def wait(self, question_id: object, seconds: float) -> Known:
        self.waiting += 1
        try:
            await asyncio.sleep(seconds)
        finally:
            self.waiting -= 1
        return Known(Pending(question_id=uuid4(), submission_id=uuid4(), reference_hash=None), "database")


class Parts:
    def __init__(self) -> None:
        self.questions = Polls()


@pytest.fixture
def parts() -> Parts:
    return Parts()


@pytest.fixture
async def port(parts: Parts, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[int]:
    monkeypatch.setattr(slow_clients, "HEADERS_DEADLINE_S", 0.3)
    app = create_app(Settings())
    app.state.parts = parts
    config = uvicorn.Config(app, http=slow_clients.HeadersDeadlineProtocol, log_config=None, lifespan="off")
    listening = socket.socket()
    listening.bind(("127.0.0.1", 0))
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve([listening]))
    async with asyncio.timeout(DEADLINE_S):
        while not server.started:
            await asyncio.sleep(0.01)
    yield listening.getsockname()[1]
    server.should_exit = True
    server.force_exit = True
    await asyncio.wait({serving}, timeout=DEADLINE_S)


async def test_connections_whose_headers_do_not_arrive_are_closed(port: int) -> None:
    held = [await asyncio.open_connection("127.0.0.1", port) for _ in range(60)]
    for number, (_, writer) in enumerate(held):
        writer.write(HALF if number % 2 else b"")
    async with asyncio.timeout(DEADLINE_S):
        assert {await reader.read() for reader, _ in held} == {b""}
    for _, writer in held:
        writer.close()


@pytest.mark.parametrize("rest", [HALF, b"\r\n"])
async def test_a_connection_that_served_a_request_may_not_hold_the_next_one_half_sent(port: int, rest: bytes) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(WHOLE)
    async with asyncio.timeout(DEADLINE_S):
        assert b"200 OK" in await reader.readuntil(b"\r\n\r\n")
        writer.write(rest)
        while await reader.read(1024):
            pass
        assert reader.at_eof()
    writer.close()


async def test_a_poll_ends_when_its_client_leaves(port: int, parts: Parts) -> None:
    _, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(f"GET /questions/{uuid4()}?wait=60 HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
    async with asyncio.timeout(DEADLINE_S):
        while parts.questions.waiting != 1:
            await asyncio.sleep(0.01)
        writer.close()
        while parts.questions.waiting:
            await asyncio.sleep(0.01)


async def test_a_poll_lasts_longer_than_headers_may_take(port: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(f"GET /questions/{uuid4()}?wait=1 HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
    async with asyncio.timeout(DEADLINE_S):
        assert b'"pending"' in await reader.read()
    writer.close()
