"""A server that is asked at first use which API it speaks."""

import asyncio
import logging
from http import HTTPStatus
from types import TracebackType
from typing import Self

import httpx

from streaming.errors import Unreachable
from streaming.model.http import HttpServer, Received
from streaming.model.ollama import Ollama
from streaming.model.openai import MODELS, OpenAI, listed
from streaming.model.server import Failure, ModelServer, NoReply, Reply
from streaming.settings import Settings

log = logging.getLogger(__name__)

VERSION = "/api/version"
DEADLINE_S = 3.0


class Auto:
    """Ollama where it has Ollama's version, since Ollama tells less over its `/v1`; else OpenAI where it lists models there.

    Until a whole answer decides, it counts as away: nobody's question is charged, and it is asked again.
    """

    def __init__(self, asking: HttpServer, ollama: Ollama, openai: OpenAI) -> None:
        self.address = ollama.address
        self._asking = asking
        self._ollama = ollama
        self._openai = openai
        self._found: ModelServer | NoReply | None = None
        self._deciding = asyncio.Lock()
        self._tries = 0

    @classmethod
    def configured(cls, settings: Settings, transport: httpx.AsyncBaseTransport | None = None) -> Self:
        """The one that the settings name."""
        ollama = Ollama.configured(settings, transport)
        key = settings.model_key.get_secret_value() if settings.model_key else None
        asking = HttpServer(ollama.address, 1, DEADLINE_S, transport, key)
        return cls(asking, ollama, OpenAI.configured(settings, transport))

    @property
    def install_command(self) -> str:
        """That of the server it turned out to be."""
        return "" if self._found is None or isinstance(self._found, NoReply) else self._found.install_command

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        async with self._ollama, self._openai:
            await self._asking.close()

    async def generate(self, model: str, question_text: str, retry_count: int) -> Reply | NoReply:
        """Ask the question, once it is known how."""
        server = await self._decided(DEADLINE_S)
        return server if isinstance(server, NoReply) else await server.generate(model, question_text, retry_count)

    async def probe(self, model: str) -> Reply | NoReply:
        """Generate a single token, once it is known how."""
        server = await self._decided(DEADLINE_S)
        return server if isinstance(server, NoReply) else await server.probe(model)

    async def models(self, deadline_s: float) -> frozenset[str]:
        """The names of its models. Raises Unreachable where it does not tell them."""
        return await (await self._reached(deadline_s / 2)).models(deadline_s / 2)

    async def greeting(self, deadline_s: float) -> str:
        """What it says of itself. Raises Unreachable."""
        return await (await self._reached(deadline_s / 2)).greeting(deadline_s / 2)

    async def version(self, deadline_s: float) -> str:
        """Its version. Raises Unreachable."""
        return await (await self._reached(deadline_s / 2)).version(deadline_s / 2)

    async def _reached(self, deadline_s: float) -> ModelServer:
        server = await self._decided(deadline_s)
        if isinstance(server, NoReply):
            raise Unreachable(f"{server.failure}: {server.detail}")
        return server

    async def _decided(self, deadline_s: float) -> ModelServer | NoReply:
        """What it turned out to be. Who came while it was asked takes what that gave, so that calls do not wait for each other in turn."""
        tries = self._tries
        async with self._deciding:
            if self._found is None or (isinstance(self._found, NoReply) and tries == self._tries):
                self._found = await self._decide(deadline_s / 2)
                self._tries += 1
                if not isinstance(self._found, NoReply):
                    log.info("the model server at %s is spoken to as %s", self.address, type(self._found).__name__)
            return self._found

    async def _decide(self, deadline_s: float) -> ModelServer | NoReply:
        version = await self._asking.ask(VERSION, deadline_s)
        if isinstance(version, NoReply):
            return version
        if _is_whole(version) and isinstance((version.fields() or {}).get("version"), str):
            return self._ollama
        if version.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            # An Ollama behind a proxy looks so while it starts, and would be taken for the other by its `/v1`.
            return self._undecided(f"{VERSION} answers {version.status}: {version.text()}")
        models = await self._asking.ask(MODELS, deadline_s)
        if isinstance(models, NoReply):
            return models
        if _is_whole(models) and listed(models) is not None:
            return self._openai
        return self._undecided(
            f"{VERSION} answers {version.status}, {MODELS} {models.status}: {models.text()}; correct the address or "
            "ANSWERLOOP_MODEL_KEY, or say in ANSWERLOOP_MODEL_API what it speaks"
        )

    def _undecided(self, why: str) -> NoReply:
        return NoReply(Failure.CANNOT_CONNECT, f"{self.address} shows neither Ollama's API nor OpenAI's: {why}")


def _is_whole(received: Received) -> bool:
    return received.status == HTTPStatus.OK and not received.cut_off
