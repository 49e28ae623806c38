"""A server is asked once, at first use, which API it speaks."""

import asyncio

import httpx
import pytest

from streaming.errors import Unreachable
from streaming.model.auto import Auto
from streaming.model.server import Failure, NoReply, Reply
from streaming.model.servers import model_server
from streaming.settings import Settings
from tests.unit.model.network import Network
from tests.unit.model.openai_replies import ANSWER, WRONG_KEY, Served

SPOKEN = {
    "ollama": "/api/generate",
    "openai": "/v1/chat/completions",
    "vllm": "/v1/chat/completions",
    "llama.cpp": "/v1/chat/completions",
}


class Distant(Network):
    """Others get their turn while it answers, as on a real network."""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        await asyncio.sleep(0)
        return await super().handle_async_request(request)


def auto(served: Served, url: str = "http://model", **settings: object) -> Auto:
    return Auto.configured(Settings(model_url=url, model_api="auto", **settings), Distant(served))  # type: ignore[arg-type]


@pytest.mark.parametrize("url", ["http://model", "http://model/", "http://model/v1", "http://model/v1/"])
@pytest.mark.parametrize("kind", SPOKEN)
async def test_each_server_is_spoken_to_in_what_it_speaks_whatever_its_address_ends_in(kind: str, url: str) -> None:
    served = Served(kind)
    async with auto(served, url) as server:
        reply = await server.generate("m", "Why?", 0)
        await server.probe("m")
        assert await server.models(1.0)
        assert await server.greeting(1.0) if kind != "ollama" else True
        assert await server.version(1.0)
    assert isinstance(reply, Reply)
    assert reply.answer is not None
    assert reply.answer.text == ANSWER
    assert [path for path in served.asked if path == SPOKEN[kind]] == [SPOKEN[kind]] * 2


async def test_many_calls_at_once_ask_it_one_time() -> None:
    served = Served("vllm")
    async with auto(served) as server:
        await asyncio.gather(*(server.generate("m", str(number), 0) for number in range(5)))
    assert served.asked.count("/api/version") == 1


async def test_many_calls_at_once_ask_a_server_that_cannot_be_told_one_time_too() -> None:
    """One after the other, each would wait for its own deadline."""
    served = Served("vllm")
    del served.paths["/v1/models"]
    async with auto(served) as server:
        replies = await asyncio.gather(*(server.generate("m", str(number), 0) for number in range(5)))
    assert all(isinstance(reply, NoReply) for reply in replies)
    assert served.asked == ["/api/version", "/v1/models"]


async def test_an_ollama_is_sent_the_key_too() -> None:
    served = Served("ollama")
    async with auto(served, model_key="sk-SECRET") as server:
        await server.generate("m", "Why?", 0)
    assert [request.headers["authorization"] for request in served.seen] == ["Bearer sk-SECRET"] * 2


async def test_an_ollama_is_not_taken_for_another_while_it_starts() -> None:
    """Behind a proxy it answers 502 first; its `/v1` may be there a moment later."""
    served = Served("ollama")
    version = served.paths["/api/version"]
    served.paths["/api/version"] = httpx.Response(502, text="bad gateway")
    async with auto(served) as server:
        early = await server.generate("m", "Why?", 0)
        served.paths["/api/version"] = version
        await server.generate("m", "Why?", 0)
        assert server.install_command == "ollama pull"
    assert isinstance(early, NoReply)
    assert served.asked[-1] == "/api/generate"


async def test_who_shows_neither_counts_as_away_and_tells_why_without_the_key() -> None:
    served = Served("openai")
    served.paths["/v1/models"] = httpx.Response(401, json=WRONG_KEY)
    async with auto(served, model_key="sk-SECRET") as server:
        reply = await server.generate("m", "Why?", 0)
        with pytest.raises(Unreachable, match="neither Ollama's API nor OpenAI's"):
            await server.models(1.0)
    assert isinstance(reply, NoReply)
    assert reply.failure is Failure.CANNOT_CONNECT, "no question is charged"
    assert "401" in reply.detail
    assert "ANSWERLOOP_MODEL_KEY" in reply.detail
    assert "SECRET" not in reply.detail
    assert {request.headers["authorization"] for request in served.seen} == {"Bearer sk-SECRET"}


async def test_who_is_away_at_first_is_asked_again() -> None:
    served, away = Served("vllm"), [True]

    def handle(request: httpx.Request) -> httpx.Response:
        if away[0]:
            raise httpx.ConnectError("refused")
        return served(request)

    async with Auto.configured(Settings(model_url="http://model"), Network(handle)) as server:
        assert isinstance(await server.probe("m"), NoReply)
        away[0] = False
        assert isinstance(await server.probe("m"), Reply)


def test_it_is_a_setting() -> None:
    assert isinstance(model_server(Settings(model_api="auto")), Auto)
