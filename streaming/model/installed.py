"""Which models the model server has, asked rarely, so that a request for one it lacks is refused up front."""

import asyncio
import logging

from streaming.clock import Clock
from streaming.errors import Unreachable
from streaming.model.server import ModelServer, full_name

log = logging.getLogger(__name__)

DEADLINE_S = 1.0
KEPT_FOR_S = 5.0


class InstalledModels:
    """The model server's list of models; where it cannot be asked, every model is let through."""

    def __init__(self, server: ModelServer, clock: Clock) -> None:
        self._server = server
        self._clock = clock
        self._names: frozenset[str] | None = None
        self._asked_at = -KEPT_FOR_S
        self._asking = asyncio.Lock()

    async def refusal(self, model: str) -> str | None:
        """Why this model cannot be asked for, None if it can or if nobody knows."""
        names = await self._known()
        if names is None or full_name(model) in map(full_name, names):
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
            return await self._server.models(DEADLINE_S)
        except Unreachable as err:
            log.info("the model server at %s does not tell its models (%s); every name is accepted", self._server.address, err)
            return None


async def advice_against(model: str, server: ModelServer, clock: Clock) -> str | None:
    """Why nothing can be begun that asks for this model, and what to do about it; None where it can be begun, or nobody knows."""
    async with server:
        refusal = await InstalledModels(server, clock).refusal(model)
    if refusal is None:
        return None
    command = f" (`{server.install_command}`)" if server.install_command else ""
    return f"{refusal}. Choose one of these, or install it there{command}."
