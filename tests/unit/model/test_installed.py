from datetime import UTC, datetime

import httpx
import pytest

from streaming.clock import ManualClock
from streaming.errors import Unreachable
from streaming.model.installed import KEPT_FOR_S, InstalledModels, advice_against
from streaming.model.ollama import Ollama
from streaming.model.server import Sampling, full_name
from streaming.model.simulated import says_it_is_simulated
from tests.unit.model.network import Network


class Server:
    """A model server that counts how often it is asked."""

    def __init__(self, reply: httpx.Response | None, path: str = "/api/tags") -> None:
        self.reply = reply
        self.path = path
        self.asked = 0
        self.clock = ManualClock(datetime(2026, 1, 1, tzinfo=UTC))
        self.ollama = Ollama("http://model", Sampling(1, 0.0), 1.0, 2, Network(self._handle))
        self.models = InstalledModels(self.ollama, self.clock)

    def _handle(self, request: httpx.Request) -> httpx.Response:
        assert request.url.path == self.path
        self.asked += 1
        if self.reply is None:
            raise httpx.ConnectError("refused")
        return self.reply


def has(*names: str) -> httpx.Response:
    return httpx.Response(200, json={"models": [{"name": name} for name in names]})


async def test_a_model_that_the_server_lacks_is_refused_by_name() -> None:
    server = Server(has("llama3.2:1b"))
    reason = await server.models.refusal("mistral")
    assert reason is not None
    assert "mistral" in reason
    assert "llama3.2:1b" in reason


async def test_a_server_with_thousands_of_models_tells_them_all() -> None:
    server = Server(has(*(f"model-{number}:{'x' * 100}" for number in range(5000)), "last:1b"))
    assert await server.models.refusal("last:1b") is None
    assert await server.models.refusal("none:1b") is not None


async def test_a_model_that_it_has_is_accepted() -> None:
    server = Server(has("llama3.2:1b", "mistral:latest"))
    assert await server.models.refusal("llama3.2:1b") is None
    assert await server.models.refusal("mistral") is None


@pytest.mark.parametrize("reply", [None, httpx.Response(500), httpx.Response(200, text="no"), httpx.Response(200, json={"a": 1})])
async def test_where_the_server_cannot_be_asked_every_model_is_accepted(reply: httpx.Response | None) -> None:
    assert await Server(reply).models.refusal("anything") is None
    server = Server(reply)
    assert await advice_against("anything", server.ollama, server.clock) is None


async def test_the_server_is_asked_rarely_also_while_it_is_away() -> None:
    for reply in (has("a"), None):
        server = Server(reply)
        for _ in range(20):
            await server.models.refusal("a")
        assert server.asked == 1
        await server.clock.advance(KEPT_FOR_S)
        await server.models.refusal("a")
        assert server.asked == 2


async def test_who_begins_something_with_a_model_that_is_not_there_is_told_how_to_get_it() -> None:
    server = Server(has("a"))
    advice = await advice_against("b", server.ollama, server.clock)
    assert advice == "the model server has no model 'b'; it has a. Choose one of these, or install it there (`ollama pull`)."


@pytest.mark.parametrize(
    ("name", "full"), [("a", "a:latest"), ("a:1b", "a:1b"), ("host:5000/a", "host:5000/a:latest"), ("hf.co/x/a:q4", "hf.co/x/a:q4")]
)
def test_a_name_without_a_tag_means_latest(name: str, full: str) -> None:
    assert full_name(name) == full


@pytest.mark.parametrize(
    ("reply", "simulated"),
    [
        (httpx.Response(200, text="Ollama is running (simulated)"), True),
        (httpx.Response(200, text="Ollama is running"), False),
        (None, False),
    ],
)
async def test_the_simulator_is_known_by_its_greeting_and_who_does_not_answer_counts_as_real(
    reply: httpx.Response | None, simulated: bool
) -> None:
    assert await says_it_is_simulated(Server(reply, "/").ollama) is simulated


@pytest.mark.parametrize("reply", [None, httpx.Response(500), httpx.Response(200, json=[]), httpx.Response(200, json={"version": 1})])
async def test_a_server_that_tells_no_version_is_unreachable(reply: httpx.Response | None) -> None:
    with pytest.raises(Unreachable):
        await Server(reply, "/api/version").ollama.version(1.0)
