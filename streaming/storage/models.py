"""Which models the model server has, asked rarely, so that a request for one it lacks is refused up front."""

import asyncio
import logging

import httpx

from streaming.clock import Clock

log = logging.getLogger(__name__)

TIMEOUT_S = 1.0
KEPT_FOR_S = 5.0


class ModelServer:
    """The model server's list of models; where it cannot be asked, every model is let through."""

    def __init__(self, client: httpx.AsyncClient, url: str, clock: Clock) -> None:
        self._client = client
        self._url = url
        self._clock = clock
        self._names: frozenset[str] | None = None
        self._asked_at = -KEPT_FOR_S
        self._asking = asyncio.Lock()

    async def refusal(self, model: str) -> str | None:
        """Why this model cannot be asked for, None if it can or if nobody knows."""
        names = await self._known()
        if names is None or full_name(model) in names:
            return None
        return f"the model server has no model {model!r}; it has {', '.join(sorted(names)) or 'none'}"

    async def _known(self) -> frozenset[str] | None:
        async with self._asking:
            if self._clock.monotonic() - self._asked_at >= KEPT_FOR_S:
                self._names = await self._ask()
                self._asked_at = self._clock.monotonic()
            return self._names

    async def _ask(self) -> frozenset[str] | None:
        try:
            reply = await self._client.get(f"{self._url}/api/tags", timeout=TIMEOUT_S)
            reply.raise_for_status()
            return frozenset(full_name(entry["name"]) for entry in reply.json()["models"])
        except (httpx.HTTPError, ValueError, KeyError, TypeError, AttributeError) as err:
            log.info("the model server at %s does not tell its models (%r); every name is accepted", self._url, err)
            return None


def full_name(model: str) -> str:
    """The name with its tag; without one Ollama means `latest`."""
    return model if ":" in model.rsplit("/", 1)[-1] else f"{model}:latest"
