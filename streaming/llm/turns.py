"""Whose turn it is to call the model: many at once, or one by one while it is not known whether a question is refused for its own sake."""

import asyncio
from collections.abc import AsyncIterator, Collection, Iterator
from contextlib import asynccontextmanager, contextmanager

from streaming.kafka.client import TopicPartition
from streaming.llm.gate import Gate
from streaming.model.outcome import Overloaded, Refused, Unavailable


class Suspicion:
    """What is held against one question: of which kind the refusals were that its calls met, and how many probes had passed by then."""

    def __init__(self) -> None:
        self.refusals: list[tuple[type[Overloaded | Refused], int]] = []


class Turns:
    """Lets calls begin while the gate is open; while there are suspects, one by one, so that the one at fault is found.

    A question is at fault if its call is refused again in the same way (reset, or answered with a refusal) while it is alone at the
    model, after a probe has passed.
    """

    def __init__(self, gate: Gate) -> None:
        self._gate = gate
        self._suspects = 0
        self._calling = 0
        self._one_by_one = asyncio.Lock()
        self._nobody_calls = asyncio.Event()
        self._nobody_calls.set()
        self._held: dict[asyncio.Task[None], TopicPartition] = {}

    @property
    def must_wait(self) -> bool:
        """Whether a call that would begin now may have to wait."""
        return not self._gate.is_open or self._suspects > 0

    @contextmanager
    def suspicion(self) -> Iterator[Suspicion]:
        """For as long as a question is being asked; when it ends, nothing is held against the question any more."""
        suspicion = Suspicion()
        try:
            yield suspicion
        finally:
            if suspicion.refusals:
                self._suspects -= 1

    @asynccontextmanager
    async def turn(self, partition: TopicPartition, suspicion: Suspicion) -> AsyncIterator[bool]:
        """Wait until the call may begin, and hold the turn until it has ended. True: nobody calls beside it."""
        one_by_one = await self._wait(partition, suspicion)
        alone = one_by_one and not self._calling
        self._calling += 1
        self._nobody_calls.clear()
        try:
            yield alone
        finally:
            self._calling -= 1
            if not self._calling:
                self._nobody_calls.set()
            if one_by_one:
                self._one_by_one.release()

    def own_fault(self, suspicion: Suspicion, outcome: Unavailable, alone: bool) -> Overloaded | Refused | None:
        """A call was refused: close in on its cause. What the question is charged with, if it is this question and nobody else."""
        if outcome.own_fault is None:
            return None
        kind, passed = type(outcome.own_fault), self._gate.probes_passed
        if alone and any(before is kind and passed > by_then for before, by_then in suspicion.refusals):
            return outcome.own_fault
        if not suspicion.refusals:
            self._suspects += 1
        suspicion.refusals.append((kind, passed))
        return None

    def cancel_waiting(self, partitions: Collection[TopicPartition]) -> None:
        """End the tasks of these partitions that wait for their turn."""
        for task, partition in list(self._held.items()):
            if partition in partitions:
                task.cancel()

    async def _wait(self, partition: TopicPartition, suspicion: Suspicion) -> bool:
        """True: the turn is one of those that are taken one by one."""
        task = asyncio.current_task()
        assert task is not None
        self._held[task] = partition
        try:
            while True:
                await self._gate.opened()
                if not self._suspects:
                    return False
                await self._one_by_one.acquire()
                try:
                    # Refused a second time beside others: only alone can it be told apart from them.
                    if len(suspicion.refusals) > 1:
                        await self._nobody_calls.wait()
                    if self._gate.is_open:
                        return True
                except asyncio.CancelledError:
                    self._one_by_one.release()
                    raise
                self._one_by_one.release()
        finally:
            del self._held[task]
