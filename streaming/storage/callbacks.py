"""Results to those who asked to be called back: at least once, from a table, so that a restart forgets nobody.

A callback is leased before it is sent. Whoever dies with it leaves it due again when the lease ends.
"""

import asyncio
import logging
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any, NamedTuple, Protocol
from uuid import UUID, uuid4

from psycopg2.extensions import connection as Connection
from psycopg2.extras import RealDictCursor

from streaming import metrics
from streaming.clock import Clock
from streaming.errors import ConfigurationError, LoginRefused, Unreachable
from streaming.storage import repository
from streaming.storage.callback_http import TIMEOUT_S, ForbiddenAddress
from streaming.storage.database import Database
from streaming.storage.questions import Overfull
from streaming.storage.states import Pending
from streaming.storage.webhook import CallbackPolicy, pause_after, payload, signed_headers

log = logging.getLogger(__name__)

LOOK_EVERY_S = 1.0
BATCH = 16
OPEN_MOST = 10_000
LEASE = timedelta(seconds=3 * TIMEOUT_S)
GONE = 410

REGISTER = """
INSERT INTO callbacks (callback_id, question_id, url, created_at, due_at) VALUES (%(id)s, %(question_id)s, %(url)s, %(now)s, %(now)s)
ON CONFLICT (question_id, url) WHERE delivered_at IS NULL AND given_up_at IS NULL DO NOTHING
"""

COUNT_OPEN = "SELECT count(*) FROM (SELECT 1 FROM callbacks WHERE delivered_at IS NULL AND given_up_at IS NULL LIMIT %s) AS open"

LEASE_DUE = """
UPDATE callbacks c SET tries = c.tries + 1, due_at = %(lease_until)s
FROM (
    SELECT c.callback_id, q.resolved_at FROM callbacks c JOIN questions q USING (question_id)
    WHERE c.delivered_at IS NULL AND c.given_up_at IS NULL AND c.due_at <= %(now)s AND q.status <> 'pending'
    ORDER BY c.due_at LIMIT %(most)s FOR UPDATE OF c SKIP LOCKED
) AS due
WHERE c.callback_id = due.callback_id
RETURNING c.callback_id, c.question_id, c.url, c.tries, due.resolved_at
"""

SETTLE = """
UPDATE callbacks SET due_at = %(due_at)s, delivered_at = %(delivered_at)s, given_up_at = %(given_up_at)s, last_error = %(last_error)s
WHERE callback_id = %(callback_id)s
"""


class Posts(Protocol):
    """What sends a callback."""

    async def post(self, url: str, headers: dict[str, str], content: bytes) -> int:
        """The receiver's status. Raises Unreachable, ForbiddenAddress."""


class Leased(NamedTuple):
    """A callback to send now."""

    callback_id: UUID
    question_id: UUID
    url: str
    tries: int
    resolved_at: datetime


class Callbacks:
    """Registers callbacks and sends those whose question has ended."""

    def __init__(self, database: Database, client: Posts, policy: CallbackPolicy, clock: Clock) -> None:
        self._database = database
        self._client = client
        self._policy = policy
        self._clock = clock
        self._woken = asyncio.Event()
        self._open = 0

    def check_url(self, url: str) -> None:
        """Raises UserError for an address that may not be called."""
        self._policy.check_url(url)

    def refuse_when_full(self) -> None:
        """Raises Overfull where too many callbacks wait already."""
        if self._open >= OPEN_MOST:
            raise Overfull(f"{OPEN_MOST} callbacks wait to be delivered; ask again later, or without callback_url")

    async def register(self, question_id: UUID, url: str) -> None:
        """The end of this question is told to this address; naming it twice before that tells it once. Raises Unreachable."""
        values = {"id": uuid4(), "question_id": question_id, "url": url, "now": self._clock.now()}
        await self._database.run(lambda connection: _execute(connection, REGISTER, values))
        self._open += 1
        self._woken.set()

    async def run(self) -> None:
        """Send what is due, at once when woken and every second anyhow, until cancelled. Raises LoginRefused."""
        while True:
            self._woken.clear()
            try:
                sent = await self._send_due()
            except LoginRefused:
                raise
            except (Unreachable, ConfigurationError) as err:
                log.warning("callbacks wait: %s", err)
                sent = 0
            if sent < BATCH:
                with suppress(TimeoutError):
                    async with asyncio.timeout(LOOK_EVERY_S):
                        await self._woken.wait()

    async def _send_due(self) -> int:
        now = self._clock.now()
        self._open = await self._database.run(_count_open)
        leased = await self._database.run(lambda connection: _lease(connection, now))
        await asyncio.gather(*(self._send(each) for each in leased))
        return len(leased)

    async def _send(self, leased: Leased) -> None:
        state = await self._database.run(lambda connection: repository.read(connection, leased.question_id))
        if state is None or isinstance(state, Pending):
            return  # replayed meanwhile: it is due again at the end of its lease, and then waits for the new end
        content = payload(state, leased.resolved_at)
        headers = signed_headers(self._policy.key, str(leased.callback_id), self._clock.now(), content)
        final = False
        try:
            self._policy.check_url(leased.url)
            status = await self._client.post(leased.url, headers, content)
        except Unreachable as err:
            error: str | None = str(err)
        except ForbiddenAddress as err:
            error, final = str(err), True
        else:
            error = None if 200 <= status < 300 else f"the receiver answers {status}"
            final = status == GONE
        await self._settle(leased, error, final)

    async def _settle(self, leased: Leased, error: str | None, final: bool) -> None:
        now = self._clock.now()
        pause_s = None if final else pause_after(leased.tries)
        given_up = error is not None and pause_s is None
        metrics.CALLBACKS.labels("delivered" if error is None else "given_up" if given_up else "again").inc()
        if error is not None:
            what = "is given up" if given_up else f"is tried again in {pause_s:.0f} s"
            log.warning("callback %s of question %s, try %d: %s; it %s", leased.callback_id, leased.question_id, leased.tries, error, what)
        values = {
            "callback_id": leased.callback_id,
            "due_at": now + timedelta(seconds=pause_s or 0),
            "delivered_at": now if error is None else None,
            "given_up_at": now if given_up else None,
            "last_error": error and error[:1000],
        }
        await self._database.run(lambda connection: _execute(connection, SETTLE, values))


def _execute(connection: Connection, statement: str, values: dict[str, Any]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)


def _count_open(connection: Connection) -> int:
    with connection.cursor() as cursor:
        cursor.execute(COUNT_OPEN, (OPEN_MOST,))
        row: tuple[int] = cursor.fetchone()  # type: ignore[assignment]
    return row[0]


def _lease(connection: Connection, now: datetime) -> Sequence[Leased]:
    with connection.cursor(cursor_factory=RealDictCursor) as cursor:
        cursor.execute(LEASE_DUE, {"now": now, "lease_until": now + LEASE, "most": BATCH})
        return [Leased(**row) for row in cursor.fetchall()]
