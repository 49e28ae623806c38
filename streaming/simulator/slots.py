"""The places in which calls are worked on, and who waits for one."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class QueueFull(Exception):
    """No slot is free and as many wait as may."""


class Slots:
    """So many calls at once; the others wait in the order they came."""

    def __init__(self, count: int) -> None:
        self._free = asyncio.Semaphore(count)
        self.busy = 0
        self.waiting = 0

    @asynccontextmanager
    async def slot(self, queue_limit: int | None) -> AsyncIterator[None]:
        """Hold a slot. `queue_limit`: how many may wait for one, None for any number. Raises QueueFull."""
        if queue_limit is not None and self._free.locked() and self.waiting >= queue_limit:
            raise QueueFull
        self.waiting += 1
        try:
            await self._free.acquire()
        finally:
            self.waiting -= 1
        self.busy += 1
        try:
            yield
        finally:
            self.busy -= 1
            self._free.release()
