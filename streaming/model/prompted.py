"""A model server over HTTP: how it is configured and asked, whatever its API's paths and fields are."""

from abc import ABC, abstractmethod
from types import TracebackType
from typing import Self

import httpx

from streaming.model.http import HttpServer
from streaming.model.server import NoReply, Reply, Sampling
from streaming.settings import Settings


class PromptedServer(ABC):
    """One server, at an address with or without `/v1`. A subclass sends a prompt in its API's form."""

    def __init__(
        self,
        url: str,
        sampling: Sampling,
        deadline_s: float,
        most_in_flight: int,
        transport: httpx.AsyncBaseTransport | None = None,
        key: str | None = None,
    ) -> None:
        """`transport` stands in for the network in tests."""
        self.address = url.removesuffix("/v1")
        self._sampling = sampling
        self._http = HttpServer(self.address, most_in_flight, deadline_s, transport, key)

    @classmethod
    def configured(cls, settings: Settings, transport: httpx.AsyncBaseTransport | None = None) -> Self:
        """The one that the settings name."""
        return cls(
            settings.model_address,
            Sampling(settings.model_num_predict, settings.model_temperature),
            settings.model_deadline_s,
            settings.model_in_flight_max + 1,  # a probe may run beside calls that are ending
            transport,
            settings.model_key.get_secret_value() if settings.model_key else None,
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self._http.close()

    async def generate(self, model: str, question_text: str, retry_count: int) -> Reply | NoReply:
        """Ask the question; each attempt has a seed of its own, so that asking again gives a new sample."""
        return await self._ask(model, question_text, self._sampling, retry_count + 1)

    async def probe(self, model: str) -> Reply | NoReply:
        """Generate a single token, to see whether the model is there."""
        return await self._ask(model, "ping", Sampling(1, 0.0), 1)

    @abstractmethod
    async def _ask(self, model: str, prompt: str, sampling: Sampling, seed: int) -> Reply | NoReply:
        """Send the prompt and read what comes of it."""
