"""The consume loop: the one way in which the services read Kafka.

It polls without pause, hands records to a step, pauses partitions while the step takes no more or the offset window is full, and commits
what is done: the contiguous offset, with a bitmap of what is done above it.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Collection, Mapping
from typing import Protocol

from streaming import metrics
from streaming.clock import Clock
from streaming.kafka.backlog import held_back
from streaming.kafka.client import Committed, Consumer, Record, TopicPartition
from streaming.kafka.offsets import WINDOW, OffsetWindow

log = logging.getLogger(__name__)

COMMIT_EVERY_S = 0.5
REVOKE_WAIT_S = 5.0
FETCH_MOST = 500
FETCH_WAIT_S = 0.1
NOT_IN_GROUP = "no partition is assigned to this member: its group has not answered yet; it joins by itself once Kafka answers"


class Step(Protocol):
    """What a service does with records. All calls come on the event loop.

    A step makes room (so that `ready` says yes again) before it calls `done`.
    """

    def ready(self) -> bool:
        """Whether the step takes another record now. While it does not, partitions pause and polling goes on."""

    def take(self, record: Record, done: Callable[[], None]) -> None:
        """Begin work on a record, without waiting. Call `done` on the event loop once its whole effect is had: output delivered or
        row committed. A step that cannot go on raises from `run`, not from here."""

    async def quiesce(self, partitions: Collection[TopicPartition]) -> None:
        """These partitions go away: finish what is nearly finished. The loop waits at most 5 s for it, then calls `drop`."""

    def drop(self, partitions: Collection[TopicPartition]) -> None:
        """Cancel and forget all work on these partitions; its `done` is ignored from now on."""

    async def run(self) -> None:
        """The step's own work, for as long as the loop runs. What it raises ends the service."""

    def problems(self) -> Mapping[str, str]:
        """What keeps the step from working now, by component; shown by `/readyz`. Empty: ready."""


class ConsumeLoop:
    """Runs one step on one consumer until `stop`."""

    def __init__(self, consumer: Consumer, topics: Collection[str], step: Step, clock: Clock, window: int = WINDOW) -> None:
        self._consumer = consumer
        self._topics = topics
        self._step = step
        self._clock = clock
        self._window_size = window
        self._windows: dict[TopicPartition, OffsetWindow] = {}
        self._generation: dict[TopicPartition, int] = {}
        self._waiting: deque[Record] = deque()
        self._paused: set[TopicPartition] = set()
        self._newly_assigned: set[TopicPartition] = set()
        self._committed: dict[TopicPartition, Committed] = {}
        self._stop = asyncio.Event()
        self._handing_over = False
        self._told_problem: str | None = None
        self._in_group = False

    @property
    def assigned(self) -> Collection[TopicPartition]:
        """The partitions that this member holds."""
        return self._windows.keys()

    @property
    def paused(self) -> Collection[TopicPartition]:
        """The partitions that are held back, because plenty of their records wait here."""
        return self._paused

    @property
    def problem(self) -> str | None:
        """Why this member cannot work now, None if it can."""
        return self._consumer.problem or (None if self._in_group else NOT_IN_GROUP)

    @property
    def in_flight(self) -> int:
        """Records handed to the step that are not done."""
        return sum(window.in_flight for window in self._windows.values())

    def stop(self) -> None:
        """End `run`: what is under way is given 5 s, the rest is left to the next member."""
        self._stop.set()

    async def run(self) -> None:
        """Consume until `stop`, or until the step's own work ends with an error."""
        step = asyncio.create_task(self._step.run(), name="step")
        try:
            await self._consumer.subscribe(self._topics, self._on_assigned, self._on_revoked, self._on_lost)
            await self._poll_until_stopped(step)
        finally:
            try:
                await self._let_go(set(self._windows))
            finally:
                step.cancel()
                await asyncio.gather(step, return_exceptions=True)
                await self._consumer.close()

    async def _poll_until_stopped(self, step: asyncio.Task[None]) -> None:
        commit_at = self._clock.monotonic() + COMMIT_EVERY_S
        while not self._stop.is_set():
            if step.done():
                step.result()
                raise RuntimeError("the step's work ended while the service was running")
            records = await self._consumer.fetch(FETCH_MOST, FETCH_WAIT_S)  # a rebalance meanwhile makes `_waiting` anew
            self._waiting.extend(records)
            self._tell_problem()
            self._hand_over()
            await self._pause_or_resume()
            if self._clock.monotonic() >= commit_at:
                await self._commit()
                commit_at = self._clock.monotonic() + COMMIT_EVERY_S

    def _tell_problem(self) -> None:
        problem = self._consumer.problem
        if problem != self._told_problem:
            log.warning("%s", problem or f"no longer: {self._told_problem}")
        self._told_problem = problem

    def _hand_over(self) -> None:
        """Give the step what it takes; what it does not take now keeps its order."""
        self._handing_over = False
        held: deque[Record] = deque()
        while self._waiting and self._step.ready():
            record = self._waiting.popleft()
            window = self._windows.get(record.source)
            if window is None:
                continue
            if window.is_past(record.offset):
                window = self._begin_anew(record)
            if window.full(record.offset):
                held.append(record)
                continue
            if window.take(record.offset):
                metrics.RECORDS.labels(self._consumer.group, record.topic).inc()
                self._step.take(record, self._done(record))
        held.extend(self._waiting)
        self._waiting = held

    def _begin_anew(self, record: Record) -> OffsetWindow:
        """Offsets that run backwards under a live member are those of another log: the topic was truncated, or deleted and made anew."""
        log.error("%s came after later offsets: the log was truncated or made anew, and is read from here", record)
        self._step.drop([record.source])
        self._begin(record.source, Committed(None, ""))
        return self._windows[record.source]

    def _begin(self, partition: TopicPartition, position: Committed) -> None:
        self._windows[partition] = OffsetWindow(position.offset, position.metadata, self._window_size)
        self._generation[partition] = self._generation.get(partition, 0) + 1
        self._committed[partition] = position

    def _done(self, record: Record) -> Callable[[], None]:
        generation = self._generation[record.source]

        def done() -> None:
            window = self._windows.get(record.source)
            if window is not None and self._generation[record.source] == generation:
                window.done(record.offset)
                self._hand_over_soon()

        return done

    def _hand_over_soon(self) -> None:
        """What is done makes room: the next record need not wait for the poll to return."""
        if self._waiting and not self._handing_over:
            self._handing_over = True
            asyncio.get_running_loop().call_soon(self._hand_over)

    async def _pause_or_resume(self) -> None:
        """Hold back partitions that have plenty waiting here; resuming refetches, so it waits until little is left."""
        if self._newly_assigned:
            # A consumer keeps its pauses over the loss and return of a partition; this loop begins an assignment without any.
            newly_assigned, self._newly_assigned = self._newly_assigned, set()
            await self._consumer.resume(newly_assigned)
        paused = held_back(self._waiting, self._paused)
        if pause := paused - self._paused:
            await self._consumer.pause(pause)
        if resume := self._paused - paused:
            await self._consumer.resume(resume)
        self._paused = paused

    async def _commit(self) -> None:
        positions = {
            partition: position
            for partition, position in self._positions(self._windows).items()
            if position != self._committed.get(partition)
        }
        if positions and await self._consumer.commit(positions):
            self._committed.update(positions)

    def _positions(self, partitions: Collection[TopicPartition]) -> dict[TopicPartition, Committed]:
        windows = {partition: self._windows[partition] for partition in partitions if partition in self._windows}
        return {
            partition: Committed(window.position, window.metadata()) for partition, window in windows.items() if window.position is not None
        }

    async def _on_assigned(self, committed: Mapping[TopicPartition, Committed]) -> None:
        self._in_group = True  # with no partition too: a group may have more members than there are partitions
        for partition, position in committed.items():
            self._begin(partition, position)
            self._paused.discard(partition)
            self._newly_assigned.add(partition)
        log.info("assigned %s", ", ".join(f"{partition}@{place.offset}" for partition, place in committed.items()) or "nothing")

    async def _on_revoked(self, partitions: Collection[TopicPartition]) -> Mapping[TopicPartition, Committed]:
        log.info("revoked %s", ", ".join(str(partition) for partition in partitions))
        return await self._release(partitions)

    async def _on_lost(self, partitions: Collection[TopicPartition]) -> None:
        log.warning("lost %s", ", ".join(str(partition) for partition in partitions))
        self._in_group = False
        self._forget(partitions)

    async def _let_go(self, partitions: Collection[TopicPartition]) -> None:
        positions = await self._release(partitions)
        if positions and not await self._consumer.commit(positions):
            log.warning("the last commit was refused; %d partitions repeat what was done since the one before", len(positions))

    async def _release(self, partitions: Collection[TopicPartition]) -> Mapping[TopicPartition, Committed]:
        """Stop taking, wait for what is under way, and say what to commit."""
        gone = set(partitions)
        self._waiting = deque(record for record in self._waiting if record.source not in gone)
        try:
            async with asyncio.timeout(REVOKE_WAIT_S):
                await self._step.quiesce(gone)
        except TimeoutError:
            open_records = sum(self._windows[partition].in_flight for partition in gone if partition in self._windows)
            log.info("%d records were still under way after %.0f s; the next member does them", open_records, REVOKE_WAIT_S)
        positions = self._positions(gone)
        self._forget(gone)
        return positions

    def _forget(self, partitions: Collection[TopicPartition]) -> None:
        self._step.drop(partitions)
        gone = set(partitions)
        self._waiting = deque(record for record in self._waiting if record.source not in gone)
        for partition in gone:
            self._windows.pop(partition, None)
            self._committed.pop(partition, None)
            self._paused.discard(partition)
            self._newly_assigned.discard(partition)
