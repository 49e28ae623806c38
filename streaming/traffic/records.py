"""What is recorded of each request, and how it reaches `traffic_requests`: in batches, from a thread, by upsert."""

import asyncio
import logging
from contextlib import suppress
from dataclasses import astuple, dataclass, replace
from datetime import datetime
from types import TracebackType
from typing import Self
from uuid import UUID

from psycopg2.extensions import connection
from psycopg2.extras import execute_values

from streaming.clock import Clock
from streaming.errors import Unreachable
from streaming.postgres.connect import connected

log = logging.getLogger(__name__)

FLUSH_EVERY_S = 0.5
LAST_FLUSH_S = 30.0
BATCH = 1_000


@dataclass(slots=True)
class Request:
    """One request of a run; the fields are columns of `traffic_requests`."""

    request_number: int
    intended_at: datetime
    question_id: UUID | None = None
    sent_at: datetime | None = None
    first_reply_at: datetime | None = None
    resolved_at: datetime | None = None
    first_status: str | None = None
    final_status: str | None = None
    source: str | None = None
    error: str | None = None

    @property
    def perceived_ms(self) -> float | None:
        """From the intended time to the first reply."""
        return self._since_intended(self.first_reply_at)

    @property
    def real_ms(self) -> float | None:
        """From the intended time to the end: the answer or the failure."""
        return self._since_intended(self.resolved_at)

    def _since_intended(self, moment: datetime | None) -> float | None:
        return None if moment is None else (moment - self.intended_at).total_seconds() * 1000


_COLUMNS = [*Request.__dataclass_fields__, "perceived_ms", "real_ms"]
_UPSERT = f"""
INSERT INTO traffic_requests (run_id, {", ".join(_COLUMNS)}) VALUES %s
ON CONFLICT (run_id, request_number) DO UPDATE SET {", ".join(f"{name} = EXCLUDED.{name}" for name in _COLUMNS[1:])}
WHERE traffic_requests.final_status IS NULL
"""  # nosec B608 # names of our own; values are parameters


_RECORDED = f"""
SELECT {", ".join(Request.__dataclass_fields__)} FROM traffic_requests
WHERE run_id = %s AND request_number >= %s AND request_number < %s AND (request_number - %s) %% %s = 0
"""  # nosec B608 # names of our own; values are parameters


def recorded(database: connection, run_id: str, share: range) -> dict[int, Request]:
    """What an earlier try of this run has recorded of these requests, by request number."""
    with database, database.cursor() as cursor:
        cursor.execute(_RECORDED, (run_id, share.start, share.stop, share.start, share.step))
        return {row[0]: Request(*row) for row in cursor.fetchall()}


class Recorder:
    """Collects requests and writes them every half second. While PostgreSQL is away they are kept and tried again.

    Leaving the `async with` block writes the rest, and raises Unreachable if that does not succeed within its deadline. Any other error
    of writing ends the block at once and is raised from it: what goes on unrecorded would be sent a second time.
    """

    def __init__(self, database_url: str, run_id: str, clock: Clock) -> None:
        self._database_url = database_url
        self._run_id = run_id
        self._clock = clock
        self._changed: dict[int, Request] = {}
        self._leaving = asyncio.Event()
        self._block: asyncio.Task[object] | None = None
        self._ended_the_block = False

    def note(self, request: Request) -> None:
        """Write the request as it is now, in place of an earlier state that was not written yet."""
        self._changed[request.request_number] = replace(request)

    async def __aenter__(self) -> Self:
        self._block = asyncio.current_task()
        self._writing = asyncio.create_task(self._write_until_left())
        self._writing.add_done_callback(self._end_the_block)
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._leaving.set()
        if self._ended_the_block and self._block is not None:
            self._block.uncancel()
        await self._writing

    def _end_the_block(self, writing: asyncio.Task[None]) -> None:
        """The writer ends before the block does by an error alone."""
        if not self._leaving.is_set() and self._block is not None:
            self._ended_the_block = self._block.cancel()

    async def _write_until_left(self) -> None:
        while not self._leaving.is_set():
            with suppress(TimeoutError):
                async with asyncio.timeout(FLUSH_EVERY_S):
                    await self._leaving.wait()
            await self._try_to_write()
        deadline = self._clock.monotonic() + LAST_FLUSH_S
        while not await self._try_to_write():
            if self._clock.monotonic() > deadline:
                raise Unreachable(f"{len(self._changed)} requests of run {self._run_id} could not be recorded: PostgreSQL is away")
            await self._clock.sleep(FLUSH_EVERY_S)

    async def _try_to_write(self) -> bool:
        rows, self._changed = self._changed, {}
        if not rows:
            return True
        try:
            await asyncio.to_thread(self._write, list(rows.values()))
        except Unreachable as err:
            log.warning("%d requests wait to be recorded: %s", len(rows), err)
            self._changed = rows | self._changed
            return False
        return True

    def _write(self, requests: list[Request]) -> None:
        rows = [(self._run_id, *astuple(request), request.perceived_ms, request.real_ms) for request in requests]
        with connected(self._database_url) as database, database, database.cursor() as cursor:
            execute_values(cursor, _UPSERT, rows, page_size=BATCH)
