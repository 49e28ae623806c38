"""The retry consumers: errors wait until they are due, then their questions go back to the model.

Waiting is durable, since an error's offset is committed only once its question is delivered, and it blocks nobody: the loop keeps
polling, and what is due is forwarded whatever waits behind or before it.
"""

import asyncio
import logging
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

from streaming import metrics, topics
from streaming.clock import Clock
from streaming.contracts import INVALID_MESSAGE, OfQuestion, Question, Retryable, decode
from streaming.errors import InvalidMessage, RecordTooLarge
from streaming.kafka.client import Producer, Record, TopicPartition
from streaming.kafka.tasks import RecordTasks, bury_for_good, deliver
from streaming.retries import rules
from streaming.retries.heap import DueHeap
from streaming.retries.reckoning import Reckoning
from streaming.retries.rules import Rule
from streaming.retry_policy import Again, Budget, Exhausted, next_step
from streaming.service import run_service
from streaming.settings import Settings

log = logging.getLogger(__name__)

FORWARDING_MOST = 1_000
WAITING_BYTES_MOST = 256 * 1024 * 1024
# The wall clock may be set at any time: look at it this often.
LOOK_EVERY_S = 1.0
WHILE_FULL_S = 0.05


@dataclass(frozen=True)
class _Waiting:
    record: Record
    error: Retryable
    again: Again
    taken_at: datetime
    done: Callable[[], None]


class RetryStep:
    """Holds the errors of one rule until they are due."""

    def __init__(self, rule: Rule, budget: Budget, producer: Producer, clock: Clock) -> None:
        self._rule = rule
        self._budget = budget
        self._producer = producer
        self._clock = clock
        self._reckoning = Reckoning(clock)
        self._waiting: DueHeap[_Waiting] = DueHeap()
        self._waiting_bytes = 0
        self._tasks = RecordTasks()
        self._changed = asyncio.Event()
        metrics.RETRY_LATENESS.labels(rule.service)
        for step in ("again", "exhausted", "invalid"):
            metrics.RETRIES.labels(rule.service, step)
        metrics.RETRIES_WAITING.labels(rule.service).set_function(lambda: len(self._waiting))

    def ready(self) -> bool:
        """Whether a further error may wait here; the offset window bounds how many do."""
        return len(self._tasks) < FORWARDING_MOST and self._waiting_bytes < WAITING_BYTES_MOST

    def take(self, record: Record, done: Callable[[], None]) -> None:
        """Let the error wait, or give its question up."""
        try:
            error = decode(self._rule.message, record.value)
        except InvalidMessage as err:
            # The persister reads these topics as well and buries it: two dead letters of one record would count twice.
            log.warning("%s: %s; it is left to %s to bury", record, err, topics.STORAGE_PERSISTER)
            metrics.RETRIES.labels(self._rule.service, "invalid").inc()
            done()
            return
        match next_step(self._budget, self._rule.cause, error.retry_count, error.retries):
            case Again() as again:
                self._waiting.push(self._reckoning.due(self._rule, error), _Waiting(record, error, again, self._clock.now(), done))
                self._waiting_bytes += _size(record)
                self._changed.set()
            case Exhausted() as exhausted:
                message = rules.failure(self._rule, error, exhausted, self._clock.now())
                self._tasks.start(record.source, self._send(record, topics.FATAL, lambda: message, done, step="exhausted"))

    async def quiesce(self, partitions: Collection[TopicPartition]) -> None:
        """Deliver what is under way; what waits is left to the next member, which computes the same due times."""
        self._forget_waiting(partitions)
        await self._tasks.finish(partitions)

    def drop(self, partitions: Collection[TopicPartition]) -> None:
        """Forget these partitions."""
        self._forget_waiting(partitions)
        self._tasks.cancel(partitions)

    async def run(self) -> None:
        """Forward what is due."""
        await asyncio.gather(self._forward(), self._tasks.failed())

    def problems(self) -> Mapping[str, str]:
        """Nothing but Kafka can hold it up, and the consume loop reports that."""
        return {}

    async def _forward(self) -> None:
        while True:
            self._changed.clear()
            self._reckoning.look()
            now = self._clock.monotonic()
            for due, waiting in self._waiting.pop_due(now, max(FORWARDING_MOST - len(self._tasks), 0)):
                self._waiting_bytes -= _size(waiting.record)
                metrics.RETRY_LATENESS.labels(self._rule.service).observe(now - due)
                self._tasks.start(waiting.record.source, self._ask_again(waiting))
            await self._until_due_or_changed()

    async def _until_due_or_changed(self) -> None:
        """Wait for the next due time, or for a new error, which may be due before it."""
        wait_s = LOOK_EVERY_S
        if self._waiting.next_due is not None:
            wait_s = min(self._waiting.next_due - self._clock.monotonic(), LOOK_EVERY_S)
        if len(self._tasks) >= FORWARDING_MOST:
            wait_s = max(wait_s, WHILE_FULL_S)
        changed = asyncio.ensure_future(self._changed.wait())
        sleep = asyncio.ensure_future(self._clock.sleep(wait_s))
        try:
            await asyncio.wait({changed, sleep}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            changed.cancel()
            sleep.cancel()

    async def _ask_again(self, waiting: _Waiting) -> None:
        def question() -> Question:
            return rules.question_again(waiting.error, waiting.again, waiting.taken_at, self._clock.now())

        await self._send(waiting.record, topics.PENDING, question, waiting.done, step="again")

    async def _send(self, record: Record, topic: str, message: Callable[[], OfQuestion], done: Callable[[], None], step: str) -> None:
        try:
            await deliver(self._producer, self._clock, topic, message)
            metrics.RETRIES.labels(self._rule.service, step).inc()
        except (InvalidMessage, RecordTooLarge) as err:
            await self._bury(record, str(err), done)
            return
        done()

    async def _bury(self, record: Record, reason: str, done: Callable[[], None]) -> None:
        await bury_for_good(self._producer, self._rule.service, record, INVALID_MESSAGE, reason, self._clock)
        done()

    def _forget_waiting(self, partitions: Collection[TopicPartition]) -> None:
        gone = set(partitions)
        discarded = self._waiting.discard(lambda waiting: waiting.record.source in gone)
        self._waiting_bytes -= sum(_size(waiting.record) for waiting in discarded)


def _size(record: Record) -> int:
    return len(record.value or b"")


async def run_overload(settings: Settings) -> None:
    """Run the overload consumer until it is told to stop."""
    await _run(settings, rules.OVERLOAD)


async def run_quota(settings: Settings) -> None:
    """Run the quota consumer until it is told to stop."""
    await _run(settings, rules.QUOTA)


async def _run(settings: Settings, rule: Rule) -> None:
    await run_service(settings, rule.service, lambda producer, clock: RetryStep(rule, settings.retry_budget, producer, clock))
