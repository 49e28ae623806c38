"""The outbox: claimed questions go from PostgreSQL to Kafka, each at least once, whatever fails on the way."""

import asyncio
import logging
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg2.extensions import connection as Connection
from psycopg2.extras import RealDictCursor

from streaming import contracts, metrics, topics
from streaming.clock import Clock
from streaming.errors import ConfigurationError, Unreachable
from streaming.kafka.client import Producer
from streaming.storage import repository
from streaming.storage.database import Database

log = logging.getLogger(__name__)

BATCH = 500
LOOK_EVERY_S = 1.0
# Shorter than the 15 s between the two samples of `stuck`, which relies on it.
MESSAGE_TIMEOUT_S = 5.0

# Rows that another process enqueues at this moment are locked by it, and skipped here.
SELECT = """
SELECT question_id, submission_id, question_text, original_answer, run_id, model, created_at, submitted_at
FROM questions WHERE status = 'pending' AND enqueued_at IS NULL
ORDER BY submitted_at LIMIT %s FOR UPDATE SKIP LOCKED
"""

MARK = "UPDATE questions SET enqueued_at = %s WHERE question_id = ANY(%s)"


class Enqueuer:
    """Selects, produces, awaits delivery, marks, commits. The only one that produces questions for the API."""

    def __init__(self, database: Database, producer: Producer, clock: Clock, max_unenqueued: int) -> None:
        self._database = database
        self._producer = producer
        self._clock = clock
        self._most = max_unenqueued
        self._woken = asyncio.Event()
        self._stopping = False
        self._unenqueued = 0
        self._counted_at = -LOOK_EVERY_S
        self.problem: str | None = None

    @property
    def full(self) -> bool:
        """Whether too many questions wait already: other processes' claims are known to within a second."""
        return self._unenqueued >= self._most

    def claimed(self) -> None:
        """A row is waiting."""
        self._unenqueued += 1
        self._woken.set()

    def stop(self) -> None:
        """End `run` after the batch under way."""
        self._stopping = True
        self._woken.set()

    async def run(self) -> None:
        """Enqueue until `stop`, at once when woken and every second anyhow."""
        while not self._stopping:
            self._woken.clear()
            try:
                more = await self._enqueue()
                self._solved()
            except (Unreachable, ConfigurationError) as err:
                self._failed(err)
                await self._clock.sleep(LOOK_EVERY_S)
                continue
            if not more:
                with suppress(TimeoutError):
                    async with asyncio.timeout(LOOK_EVERY_S):
                        await self._woken.wait()

    async def _enqueue(self) -> bool:
        """Whether there may be more at once. Raises DeliveryFailed after marking what was delivered."""
        await self._count()
        async with self._database.transaction() as transaction:
            rows = await transaction.run(_select)
            if not rows:
                return False
            now = self._clock.now()
            delivered, failure = await self._produce(rows, now)
            await transaction.run(lambda connection: _mark(connection, now, delivered))
        self._unenqueued = max(0, self._unenqueued - len(delivered))
        metrics.UNENQUEUED.set(self._unenqueued)
        if failure is not None:
            raise failure
        return len(rows) == BATCH

    async def _produce(self, rows: Sequence[dict[str, Any]], now: datetime) -> tuple[list[UUID], Unreachable | None]:
        sends = [self._producer.send(topics.PENDING, str(row["question_id"]), contracts.encode(question_message(row, now))) for row in rows]
        results = await asyncio.gather(*sends, return_exceptions=True)
        failure: Unreachable | None = None
        for result in results:
            if isinstance(result, Unreachable):
                failure = result
            elif isinstance(result, BaseException):
                raise result
        return [row["question_id"] for row, result in zip(rows, results, strict=True) if not isinstance(result, BaseException)], failure

    async def _count(self) -> None:
        if self._clock.monotonic() - self._counted_at < LOOK_EVERY_S:
            return
        self._unenqueued = await self._database.run(lambda connection: repository.count_unenqueued(connection, self._most))
        self._counted_at = self._clock.monotonic()
        metrics.UNENQUEUED.set(self._unenqueued)

    def _failed(self, err: Exception) -> None:
        if self.problem is None:
            log.warning("questions wait in PostgreSQL: %s", err)
        self.problem = str(err)

    def _solved(self) -> None:
        if self.problem is not None:
            log.info("questions go to Kafka again")
        self.problem = None


def question_message(row: dict[str, Any], now: datetime) -> contracts.Question:
    """The first message of a submission."""
    return contracts.Question(
        question_id=row["question_id"],
        submission_id=row["submission_id"],
        question_text=row["question_text"],
        original_answer=row["original_answer"],
        retry_count=0,
        retries=contracts.Retries(),
        run_id=row["run_id"],
        requested_model=row["model"],
        created_at=row["created_at"],
        submitted_at=row["submitted_at"],
        enqueued_at=now,
        timestamp=now,
    )


def _select(connection: Connection) -> list[dict[str, Any]]:
    with connection.cursor(cursor_factory=RealDictCursor) as cursor:
        cursor.execute(SELECT, (BATCH,))
        return [dict(row) for row in cursor.fetchall()]


def _mark(connection: Connection, now: datetime, delivered: list[UUID]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(MARK, (now, delivered))
