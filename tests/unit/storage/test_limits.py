import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest
from starlette.types import Receive, Scope, Send

from streaming.storage import limits
from streaming.storage.limits import MAX_BODY_BYTES, BearerToken, BodyLimit


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    body, more = b"", True
    while more:
        message = await receive()
        body, more = body + message.get("body", b""), message.get("more_body", False)
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": str(len(body)).encode()})


async def chunks(size: int) -> AsyncIterator[bytes]:
    for _ in range(size // 1024):
        yield b"x" * 1024


def client(app: BodyLimit | BearerToken) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://localhost")


@pytest.mark.parametrize(("size", "status"), [(0, 200), (MAX_BODY_BYTES, 200), (MAX_BODY_BYTES + 1, 413)])
async def test_a_body_may_have_64_kib(size: int, status: int) -> None:
    async with client(BodyLimit(echo)) as http:
        reply = await http.post("/", content=b"x" * size)
    assert reply.status_code == status
    if status == 200:
        assert reply.text == str(size)


@pytest.mark.parametrize(("size", "status"), [(MAX_BODY_BYTES, 200), (MAX_BODY_BYTES + 1024, 413)])
async def test_a_body_in_chunks_is_bounded_too(size: int, status: int) -> None:
    async with client(BodyLimit(echo)) as http:
        reply = await http.post("/", content=chunks(size))
    assert reply.status_code == status


async def test_a_body_that_does_not_arrive_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "BODY_DEADLINE_S", 0.02)

    async def stalled() -> AsyncIterator[bytes]:
        yield b"x"
        await asyncio.sleep(60)

    async with client(BodyLimit(echo)) as http:
        reply = await asyncio.wait_for(http.post("/", content=stalled()), 5)
    assert reply.status_code == 408


@pytest.mark.parametrize(
    ("header", "status"),
    [
        (None, 401),
        ("", 401),
        ("Bearer", 401),
        ("Bearer wrong", 401),
        ("Bearer secre", 401),
        ("Basic secret", 401),
        ("Bearer secret", 200),
        ("bearer secret", 200),
    ],
)
async def test_only_the_token_opens_the_door(header: str | None, status: int) -> None:
    headers = {} if header is None else {"Authorization": header}
    async with client(BearerToken(echo, "secret")) as http:
        assert (await http.get("/questions", headers=headers)).status_code == status


async def test_health_needs_no_token() -> None:
    async with client(BearerToken(echo, "secret")) as http:
        assert (await http.get("/healthz")).status_code == 200
        assert (await http.get("/metrics")).status_code == 401
