"""The gate before the model: closed while the model is unavailable, so that no question is charged for it."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from streaming import metrics
from streaming.clock import Clock
from streaming.model.outcome import Outcome, Unavailable

log = logging.getLogger(__name__)

FIRST_PROBE_S = 1.0
LONGEST_PAUSE_S = 30.0


class Gate:
    """Open until told otherwise; opened again by a probe that gets any reply but *unavailable*."""

    def __init__(self, probe: Callable[[], Awaitable[Outcome]], clock: Clock) -> None:
        self._probe = probe
        self._clock = clock
        self._opened = asyncio.Event()
        self._closed = asyncio.Event()
        self._opened.set()
        self.reason: str | None = None
        self.probes_passed = 0
        metrics.MODEL_GATE.set(1)

    @property
    def is_open(self) -> bool:
        """Whether questions may go to the model."""
        return self._opened.is_set()

    async def opened(self) -> None:
        """Return once the gate is open."""
        await self._opened.wait()

    def close(self, reason: str) -> None:
        """Hold questions back until a probe passes."""
        if self.is_open:
            log.warning("the model is unavailable, questions wait: %s", reason)
            metrics.MODEL_GATE.set(0)
            self._opened.clear()
            self._closed.set()
        self.reason = reason

    async def run(self) -> None:
        """Probe while the gate is closed: after 1 s, then after twice as long each time, up to 30 s."""
        while True:
            await self._closed.wait()
            pause = FIRST_PROBE_S
            await self._clock.sleep(pause)
            while isinstance(found := await self._probe(), Unavailable):
                if found.message != self.reason:
                    log.warning("the model is still unavailable: %s", found.message)
                self.reason = found.message
                pause = min(2 * pause, LONGEST_PAUSE_S)
                await self._clock.sleep(pause)
            self._open()

    def _open(self) -> None:
        log.info("the model is available again")
        self.probes_passed += 1
        self.reason = None
        metrics.MODEL_GATE.set(1)
        self._closed.clear()
        self._opened.set()
