"""The port that a service shows itself on, as a real server: who may not read it, and who may not hold it."""

import asyncio
import socket
from collections.abc import AsyncIterator

import httpx
import pytest
import uvicorn

from streaming import slow_clients
from streaming.ops import ops_app, ops_server

DEADLINE_S = 10.0
HALF = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nX-"


@pytest.fixture
async def port(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[int]:
    monkeypatch.setattr(slow_clients, "HEADERS_DEADLINE_S", 0.3)
    server = ops_server(ops_app("sampler", dict), "127.0.0.1", 0)
    listening = socket.socket()
    listening.bind(("127.0.0.1", 0))
    serving = asyncio.create_task(server.serve([listening]))
    async with asyncio.timeout(DEADLINE_S):
        while not server.started:
            await asyncio.sleep(0.01)
    yield listening.getsockname()[1]
    server.should_exit = server.force_exit = True
    await asyncio.wait({serving}, timeout=DEADLINE_S)


async def test_sixty_half_sent_requests_are_closed_and_the_next_is_answered(port: int) -> None:
    held = [await asyncio.open_connection("127.0.0.1", port) for _ in range(60)]
    for number, (_, writer) in enumerate(held):
        writer.write(HALF if number % 2 else b"")
    async with asyncio.timeout(DEADLINE_S):
        assert {await reader.read() for reader, _ in held} == {b""}
    for _, writer in held:
        writer.close()
    async with httpx.AsyncClient(trust_env=False) as client:
        assert (await client.get(f"http://127.0.0.1:{port}/healthz")).status_code == 200


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics"])
async def test_a_name_that_was_made_to_lead_here_reads_nothing(port: int, path: str) -> None:
    async with httpx.AsyncClient(trust_env=False, base_url=f"http://127.0.0.1:{port}") as client:
        refused = await client.get(path, headers={"host": f"evil.example.org:{port}"})
        assert (refused.status_code, list(refused.json())) == (400, ["detail"])
        for name in ("127.0.0.1", f"127.0.0.1:{port}", f"localhost:{port}", f"[::1]:{port}"):
            assert (await client.get(path, headers={"host": name})).status_code == 200


async def test_where_others_may_reach_it_any_name_will_do() -> None:
    """Prometheus asks by the name that a container has in its network."""
    server: uvicorn.Server = ops_server(ops_app("sampler", dict), "0.0.0.0", 0)
    app = httpx.ASGITransport(server.config.app)  # type: ignore[arg-type]
    async with httpx.AsyncClient(transport=app, base_url="http://storage-persister:8101") as client:
        assert (await client.get("/metrics")).status_code == 200
