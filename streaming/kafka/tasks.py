"""One task a record: what a step with many records in flight needs to finish, cancel and account for them."""

import asyncio
import logging
from collections.abc import Callable, Collection, Coroutine
from typing import Any

from streaming import contracts, failpoints
from streaming.burial import Outgoing
from streaming.clock import Clock
from streaming.contracts import OfQuestion
from streaming.errors import DeliveryFailed
from streaming.kafka.client import Producer, Record, TopicPartition
from streaming.kafka.dead_letters import bury

log = logging.getLogger(__name__)

DELIVER_AGAIN_S = 1.0


class RecordTasks:
    """The tasks of the records under way, by partition. An error in one ends `failed`: nothing is lost in a task."""

    def __init__(self) -> None:
        self._tasks: dict[asyncio.Task[None], TopicPartition] = {}
        self._failure: asyncio.Future[None] | None = None
        self._early: BaseException | None = None

    def __len__(self) -> int:
        return len(self._tasks)

    def start(self, partition: TopicPartition, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Begin the work of a record."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks[task] = partition
        task.add_done_callback(self._ended)
        return task

    async def finish(self, partitions: Collection[TopicPartition]) -> None:
        """Wait until nothing of these partitions is under way."""
        if tasks := self._of(partitions):
            await asyncio.wait(tasks)

    def cancel(self, partitions: Collection[TopicPartition]) -> None:
        """End the work of these partitions."""
        for task in self._of(partitions):
            task.cancel()

    async def failed(self) -> None:
        """Wait for ever, or raise what a record's work raised."""
        self._failure = asyncio.get_running_loop().create_future()
        if self._early is not None:
            self._failure.set_exception(self._early)
        await self._failure

    def _of(self, partitions: Collection[TopicPartition]) -> list[asyncio.Task[None]]:
        wanted = set(partitions)
        return [task for task, partition in self._tasks.items() if partition in wanted]

    def _ended(self, task: asyncio.Task[None]) -> None:
        del self._tasks[task]
        if task.cancelled() or (error := task.exception()) is None:
            return
        if self._failure is None:
            self._early = error
        elif not self._failure.done():
            self._failure.set_exception(error)


async def deliver(producer: Producer, clock: Clock, topic: str, message: Callable[[], OfQuestion]) -> None:
    """Send a message until Kafka has it; it is made anew for every try, so that its times are true.

    Raises InvalidMessage, RecordTooLarge.
    """

    def made() -> Outgoing:
        current = message()
        return Outgoing(topic, str(current.question_id), contracts.encode(current))

    await _until_delivered(producer, clock, made)
    failpoints.reach("delivered")


async def bury_for_good(producer: Producer, service: str, record: Record, cause: str, reason: str, clock: Clock) -> None:
    """Bury a record however long Kafka is away."""
    await bury(lambda outgoing: _until_delivered(producer, clock, lambda: outgoing), service, record, cause, reason, clock)


async def _until_delivered(producer: Producer, clock: Clock, made: Callable[[], Outgoing]) -> None:
    while True:
        try:
            await producer.send(*made())
            return
        except DeliveryFailed as err:
            log.warning("%s; it is sent again", err)
            await clock.sleep(DELIVER_AGAIN_S)
