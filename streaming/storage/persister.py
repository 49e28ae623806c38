"""The persister: what the loop says of questions, in batches, into PostgreSQL, then Redis, then to whoever waits."""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import suppress
from typing import NamedTuple, TypeVar, cast

from streaming import contracts, failpoints, metrics
from streaming.burial import Outgoing
from streaming.clock import Clock
from streaming.errors import ConfigurationError, InvalidMessage, LoginRefused, RefusedByDatabase, TookTooLong, Unreachable
from streaming.kafka.client import Producer, Record, TopicPartition
from streaming.kafka.dead_letters import bury
from streaming.service import run_service
from streaming.settings import Settings
from streaming.storage import cache as redis_cache
from streaming.storage.cache import Cache
from streaming.storage.database import Database
from streaming.storage.effects import Effects, Outcome, effects, first_endings
from streaming.storage.outcomes import Stored, store
from streaming.topics import MESSAGE_OF, STORAGE_PERSISTER

log = logging.getLogger(__name__)

T = TypeVar("T")

CONNECTIONS = 2
BACKOFF_S, BACKOFF_MOST_S = 0.25, 5.0
# Of records in a batch: a statement holds them all, and the next batch waits beside it.
BATCH_MOST_BYTES = 16 * 1024 * 1024


class Taken(NamedTuple):
    """A record, and whom to tell that its effect is committed."""

    record: Record
    done: Callable[[], None]


class Persister:
    """The step of the persister: one batch at a time, one transaction a batch."""

    def __init__(self, database: Database, cache: Cache, producer: Producer, clock: Clock, most: int, linger_s: float) -> None:
        self._database = database
        self._cache = cache
        self._producer = producer
        self._clock = clock
        self._most = most
        self._linger_s = linger_s
        self._queue: deque[Taken] = deque()
        self._queue_bytes = 0
        self._batch: list[Taken] = []
        self._arrived = asyncio.Event()
        self._enough = asyncio.Event()
        self._progress = asyncio.Event()
        self._problems: dict[str, str] = {}

    def ready(self) -> bool:
        """Takes one batch ahead of the one under way; nothing while PostgreSQL or Kafka is away."""
        return not self._problems and not self._is_full()

    def take(self, record: Record, done: Callable[[], None]) -> None:
        self._queue.append(Taken(record, done))
        self._queue_bytes += _size(record)
        self._arrived.set()
        if self._is_full():
            self._enough.set()

    async def quiesce(self, partitions: Collection[TopicPartition]) -> None:
        """Store what was taken of these partitions, without lingering."""
        while any(taken.record.source in partitions for taken in (*self._queue, *self._batch)):
            self._enough.set()
            await self._progress.wait()

    def drop(self, partitions: Collection[TopicPartition]) -> None:
        """Forget these; a transaction under way may still commit, which the next member's repetition does not change."""
        self._queue = deque(taken for taken in self._queue if taken.record.source not in partitions)
        self._queue_bytes = sum(_size(taken.record) for taken in self._queue)

    def problems(self) -> Mapping[str, str]:
        return self._problems

    async def run(self) -> None:
        """Store batch after batch until cancelled."""
        try:
            while True:
                await self._next_batch()
                await self._settle(self._batch)
                self._batch = []
                self._progress.set()
                self._progress.clear()
        finally:
            self._database.close()
            await self._cache.close()

    async def _next_batch(self) -> None:
        """A full batch, or what has come within the linger after the first record."""
        while not self._queue:
            self._arrived.clear()
            await self._arrived.wait()
        if not self._is_full():
            self._enough.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(self._linger_s):
                    await self._enough.wait()
        self._batch, size = [], 0
        while self._queue and len(self._batch) < self._most and size < BATCH_MOST_BYTES:
            taken = self._queue.popleft()
            self._batch.append(taken)
            size += _size(taken.record)
        self._queue_bytes -= size

    def _is_full(self) -> bool:
        return len(self._queue) >= self._most or self._queue_bytes >= BATCH_MOST_BYTES

    async def _settle(self, batch: Sequence[Taken]) -> None:
        valid: list[tuple[Taken, Effects]] = []
        for taken in batch:
            try:
                message = contracts.decode(MESSAGE_OF[taken.record.topic], taken.record.value)
            except InvalidMessage as err:
                await self._bury(taken, str(err))
            else:
                valid.append((taken, effects(cast(Outcome, message))))
        if valid:
            await self._store(valid)

    async def _store(self, batch: Sequence[tuple[Taken, Effects]]) -> None:
        """Commit the batch; one that PostgreSQL refuses or cannot do in time is halved, until the culprit is found or it passes."""
        rows = first_endings([each for _, each in batch])
        try:
            with metrics.PERSIST_BATCH.time():
                stored = await self._until_back("postgresql", lambda: self._commit(rows))
        except (RefusedByDatabase, TookTooLong) as err:
            if len(batch) == 1:
                await self._bury(batch[0][0], f"PostgreSQL refuses it: {err}")
                return
            if isinstance(err, TookTooLong):
                self._problems["postgresql"] = str(err)
            middle = len(batch) // 2
            await self._store(batch[:middle])
            await self._store(batch[middle:])
            return
        failpoints.reach("stored")
        metrics.PERSIST_ROWS.observe(len(batch))
        _count(batch, stored)
        await self._cache.put(list(stored.answers.values()))
        failpoints.reach("cached")
        for taken, _ in batch:
            taken.done()

    async def _commit(self, rows: Sequence[Effects]) -> Stored:
        """A single row that takes too long waits like for an outage: something else holds PostgreSQL up."""
        try:
            return await self._database.atomic(lambda connection: store(connection, rows, self._clock.now()))
        except TookTooLong as err:
            if len(rows) > 1:
                raise
            raise Unreachable(str(err)) from err

    async def _bury(self, taken: Taken, reason: str) -> None:
        topic = taken.record.topic
        await bury(self._send_for_good, STORAGE_PERSISTER, taken.record, contracts.INVALID_MESSAGE, reason, self._clock)
        metrics.PERSISTED.labels(topic, "dead_letter").inc()
        taken.done()

    async def _send_for_good(self, outgoing: Outgoing) -> None:
        await self._until_back("kafka", lambda: self._producer.send(*outgoing))

    async def _until_back(self, component: str, work: Callable[[], Awaitable[T]]) -> T:
        """What the work returns, however long its component is away; partitions pause meanwhile. Raises TookTooLong, LoginRefused."""
        pause = BACKOFF_S
        while True:
            try:
                result = await work()
            except (TookTooLong, LoginRefused):
                raise
            except (Unreachable, ConfigurationError) as err:
                if component not in self._problems:
                    log.warning("the batch is kept: %s", err)
                self._problems[component] = str(err)
                await self._clock.sleep(pause)
                pause = min(2 * pause, BACKOFF_MOST_S)
            else:
                if self._problems.pop(component, None) is not None:
                    log.info("%s is back", component)
                return result


def _size(record: Record) -> int:
    return len(record.value or b"")


def _count(batch: Sequence[tuple[Taken, Effects]], stored: Stored) -> None:
    new_attempts, failed, answered = set(stored.attempts), set(stored.failed), set(stored.answers)
    for taken, each in batch:
        counted = metrics.PERSISTED
        if each.attempt is not None:
            key = (each.attempt.submission_id, each.attempt.retry_count)
            counted.labels(taken.record.topic, "attempt" if key in new_attempts else "duplicate").inc()
            new_attempts.discard(key)
        if each.ending is not None:
            question = each.question.question_id
            effect = "answered" if question in answered else "failed" if question in failed else "late"
            counted.labels(taken.record.topic, effect).inc()
            answered.discard(question)
            failed.discard(question)


async def run(settings: Settings) -> None:
    """The persister's service, until it is told to stop."""

    def build(producer: Producer, clock: Clock) -> Persister:
        database = Database(settings.database_url, CONNECTIONS)
        cache = Cache(redis_cache.connect(settings.redis_url), clock)
        return Persister(database, cache, producer, clock, settings.persist_batch, settings.persist_linger_ms / 1000)

    await run_service(settings, STORAGE_PERSISTER, build)
