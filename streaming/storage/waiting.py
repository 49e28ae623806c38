"""Long polls: who waits for which question, and the PostgreSQL connection that hears when it is resolved."""

import asyncio
import logging
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

import psycopg2
from psycopg2.extensions import ISOLATION_LEVEL_AUTOCOMMIT
from psycopg2.extensions import connection as Connection

from streaming import metrics
from streaming.clock import Clock
from streaming.errors import Unreachable
from streaming.postgres.connect import connect
from streaming.postgres.errors import translated

log = logging.getLogger(__name__)

CHANNEL = "answerloop_resolved"
RECONNECT_AFTER_S = 1.0
STATEMENT_S = 15.0


class Waiters:
    """Those who wait in this process. Subscribe before reading, or the news in between is missed."""

    def __init__(self) -> None:
        self._events: defaultdict[UUID, set[asyncio.Event]] = defaultdict(set)
        self.closing = False

    @contextmanager
    def subscribed(self, question_id: UUID) -> Iterator[asyncio.Event]:
        """An event that is set when there may be news of the question: read it again then."""
        event = asyncio.Event()
        self._events[question_id].add(event)
        metrics.WAITERS.inc()
        try:
            yield event
        finally:
            metrics.WAITERS.dec()
            self._events[question_id].discard(event)
            if not self._events[question_id]:
                del self._events[question_id]

    def wake(self, question_id: UUID) -> None:
        """There may be news of this question."""
        for event in self._events.get(question_id, ()):
            event.set()

    def wake_all(self) -> None:
        """There may be news of any question."""
        for events in self._events.values():
            for event in events:
                event.set()

    def close(self) -> None:
        """Send everybody home: who is woken now reads once more and replies."""
        self.closing = True
        self.wake_all()


class Listener:
    """One connection that LISTENs and wakes the waiters; after every new connection everybody reads again."""

    def __init__(self, url: str, waiters: Waiters, clock: Clock) -> None:
        self._url = url
        self._waiters = waiters
        self._clock = clock
        self.problem: str | None = "not connected yet"

    async def run(self) -> None:
        """Listen until cancelled, connecting again whenever the connection is lost. Raises LoginRefused."""
        while True:
            try:
                connection = await asyncio.to_thread(self._connect)
            except Unreachable as err:
                self._lost(err)
            else:
                self.problem = None
                self._waiters.wake_all()
                try:
                    await self._listen(connection)
                except (psycopg2.OperationalError, psycopg2.InterfaceError) as err:
                    self._lost(err)
                finally:
                    connection.close()
            await self._clock.sleep(RECONNECT_AFTER_S)

    def _connect(self) -> Connection:
        connection = connect(self._url, STATEMENT_S)
        with translated():
            connection.set_isolation_level(ISOLATION_LEVEL_AUTOCOMMIT)
            with connection.cursor() as cursor:
                cursor.execute(f"LISTEN {CHANNEL}")
        return connection

    async def _listen(self, connection: Connection) -> None:
        loop = asyncio.get_running_loop()
        failed: asyncio.Future[None] = loop.create_future()

        def readable() -> None:
            try:
                connection.poll()
                self._deliver(connection)
            except psycopg2.Error as err:
                if not failed.done():
                    failed.set_exception(err)

        descriptor = connection.fileno()
        loop.add_reader(descriptor, readable)
        try:
            # News may have come with the reply to LISTEN, before anybody watched the socket.
            readable()
            await failed
        finally:
            loop.remove_reader(descriptor)

    def _deliver(self, connection: Connection) -> None:
        while connection.notifies:
            payload = connection.notifies.pop(0).payload
            try:
                self._waiters.wake(UUID(payload))
            except ValueError:
                log.warning("a notification on %s is not a question_id: %r", CHANNEL, payload[:100])

    def _lost(self, err: Exception) -> None:
        if self.problem is None:
            log.warning("the connection that hears of answers is lost; waiters read again when it is back: %s", err)
        self.problem = f"PostgreSQL notifications: {str(err).strip()}"
