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

from streaming import contracts, failpoints, metrics, topics
from streaming.clock import Clock
from streaming.errors import ConfigurationError, InvalidMessage, LoginRefused, RecordTooLarge, Unreachable
from streaming.kafka.client import Producer
from streaming.record_json import cleaned
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
FROM questions WHERE status = 'pending' AND enqueued_at IS NULL AND NOT question_id = ANY(%s)
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
        # Undelivered in the rounds before, and stepped over until a round meets no more of them: a partition that is away must not hold up
        # the others, however many of its questions are the oldest.
        self._undelivered: list[UUID] = []
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
        """Enqueue until `stop`, at once when woken and every second anyhow. Raises LoginRefused."""
        while not self._stopping:
            self._woken.clear()
            try:
                more = await self._enqueue()
                self._solved()
            except LoginRefused:
                raise
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
            stepped_over = list(self._undelivered)
            rows = await transaction.run(lambda connection: _select(connection, stepped_over))
            if not rows:
                self._undelivered.clear()
                return bool(stepped_over)
            now = self._clock.now()
            delivered, failure = await self._produce(rows, now)
            failpoints.reach("enqueued")
            await transaction.run(lambda connection: _mark(connection, now, delivered))
        self._unenqueued = max(0, self._unenqueued - len(delivered))
        metrics.UNENQUEUED.set(self._unenqueued)
        if failure is not None:
            raise failure
        self._undelivered.clear()
        return len(rows) == BATCH

    async def _produce(self, rows: Sequence[dict[str, Any]], now: datetime) -> tuple[list[UUID], BaseException | None]:
        """The questions that Kafka has, and what kept it from having the others; marking the former comes before raising the latter."""
        results = await asyncio.gather(*(self._send(row, now) for row in rows), return_exceptions=True)
        failure: BaseException | None = None
        delivered = []
        for row, result in zip(rows, results, strict=True):
            if not isinstance(result, BaseException):
                delivered.append(row["question_id"])
                continue
            self._undelivered.append(row["question_id"])
            if failure is None or isinstance(failure, Unreachable):
                failure = result
        return delivered, failure

    async def _send(self, row: dict[str, Any], now: datetime) -> None:
        """One that can never be sent is ended in its stead, so that it blocks nobody and is not waited for."""
        try:
            value = contracts.encode(question_message(row, now))
            await self._producer.send(topics.PENDING, str(row["question_id"]), value)
        except (RecordTooLarge, InvalidMessage) as err:
            log.error("question %s cannot go to Kafka and fails: %s", row["question_id"], cleaned(str(err)))
            fatal = fatal_message(row, str(err), now)
            await self._producer.send(topics.FATAL, str(row["question_id"]), contracts.encode(fatal))

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


def fatal_message(row: dict[str, Any], reason: str, now: datetime) -> contracts.Fatal:
    """The end of a submission whose question cannot be sent. Its text, which may be what is wrong with it, stays in its row."""
    return contracts.Fatal(
        question_id=row["question_id"],
        submission_id=row["submission_id"],
        question_text="(see the question's row)",
        run_id=row["run_id"],
        retry_count=0,
        error_type=contracts.INVALID_MESSAGE,
        error_message=cleaned(reason),
        created_at=row["created_at"],
        submitted_at=row["submitted_at"],
        enqueued_at=now,
        timestamp=now,
    )


def _select(connection: Connection, stepped_over: list[UUID]) -> list[dict[str, Any]]:
    with connection.cursor(cursor_factory=RealDictCursor) as cursor:
        cursor.execute(SELECT, (stepped_over, BATCH))
        return [dict(row) for row in cursor.fetchall()]


def _mark(connection: Connection, now: datetime, delivered: list[UUID]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(MARK, (now, delivered))
