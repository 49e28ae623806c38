"""Ollama over HTTP: one call, one deadline, no retry. Kafka is the only retry layer."""

import asyncio
from dataclasses import dataclass
from types import TracebackType
from typing import Self

import httpx
import msgspec

from streaming.llm.outcome import MAX_REPLY_BYTES, Failure, NoReply, Reply

INSTRUCTION = "Answer the question directly, in plain text, in a few sentences."
CONNECT_S = 5.0
# Shorter than the 5 s after which common servers close an idle connection: a call must not be sent into a closing one.
KEEP_ALIVE_S = 2.0


@dataclass(frozen=True)
class Sampling:
    """How the model is to generate."""

    num_predict: int
    temperature: float


class OllamaClient:
    """Calls to one Ollama. It takes no proxy from the environment: the address given is the one that is called."""

    def __init__(self, url: str, sampling: Sampling, deadline_s: float, most_in_flight: int) -> None:
        self.url = url
        self._sampling = sampling
        self._deadline_s = deadline_s
        self._generate_url = httpx.URL(f"{url}/api/generate")
        self._http = httpx.AsyncClient(
            limits=httpx.Limits(max_connections=most_in_flight, max_keepalive_connections=most_in_flight, keepalive_expiry=KEEP_ALIVE_S),
            timeout=httpx.Timeout(None, connect=min(CONNECT_S, deadline_s / 2)),
            headers={"content-type": "application/json", "accept-encoding": "identity"},
            trust_env=False,
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self._http.aclose()

    async def generate(self, model: str, question_text: str, retry_count: int) -> Reply | NoReply:
        """Ask the question; each attempt has a seed of its own, so that asking again gives a new sample."""
        return await self._post(_body(model, question_text, self._sampling, retry_count + 1))

    async def probe(self, model: str) -> Reply | NoReply:
        """Generate a single token, to see whether the model is there."""
        return await self._post(_body(model, "ping", Sampling(1, 0.0), 1))

    async def _post(self, body: bytes) -> Reply | NoReply:
        try:
            async with asyncio.timeout(self._deadline_s):
                return await self._exchange(body)
        except TimeoutError:
            return NoReply(Failure.DEADLINE, f"{self._deadline_s:g} s at {self.url}")
        except (httpx.ConnectError, httpx.ConnectTimeout) as err:
            return NoReply(Failure.CANNOT_CONNECT, f"{self.url}: {err}")
        except httpx.TransportError as err:
            return NoReply(Failure.RESET, f"{self.url}: {err or type(err).__name__}")

    async def _exchange(self, body: bytes) -> Reply:
        async with self._http.stream("POST", self._generate_url, content=body) as response:
            received = bytearray()
            cut_off = False
            try:
                async for chunk in response.aiter_raw():
                    received += chunk
                    if len(received) > MAX_REPLY_BYTES:
                        break
            except httpx.TransportError:
                cut_off = True
            return Reply(self.url, response.status_code, dict(response.headers), bytes(received[: MAX_REPLY_BYTES + 1]), cut_off)


def _body(model: str, prompt: str, sampling: Sampling, seed: int) -> bytes:
    """The request. `prompt` is the question and nothing else: no reference answer comes near the model."""
    return msgspec.json.encode(
        {
            "model": model,
            "system": INSTRUCTION,
            "prompt": prompt,
            "stream": False,
            "think": False,
            "options": {"num_predict": sampling.num_predict, "temperature": sampling.temperature, "seed": seed},
        }
    )
