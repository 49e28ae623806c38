"""What waits until it is due, soonest first. Pure; moments are seconds on a clock that never runs backwards."""

import heapq
from collections.abc import Callable
from itertools import count
from typing import Generic, TypeVar

T = TypeVar("T")


class DueHeap(Generic[T]):
    """Items with the moment before which none of them is handed out."""

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, T]] = []
        self._order = count()

    def __len__(self) -> int:
        return len(self._heap)

    @property
    def next_due(self) -> float | None:
        """When the soonest is due; None if nothing waits."""
        return self._heap[0][0] if self._heap else None

    def push(self, due: float, item: T) -> None:
        """Let an item wait."""
        heapq.heappush(self._heap, (due, next(self._order), item))

    def pop_due(self, now: float, most: int) -> list[tuple[float, T]]:
        """At most so many items that are due, soonest first; of the same moment, in the order they came."""
        popped: list[tuple[float, T]] = []
        while self._heap and self._heap[0][0] <= now and len(popped) < most:
            due, _, item = heapq.heappop(self._heap)
            popped.append((due, item))
        return popped

    def discard(self, unwanted: Callable[[T], bool]) -> list[T]:
        """Take out the items of which this is true, due or not."""
        discarded = [item for _, _, item in self._heap if unwanted(item)]
        self._heap = [entry for entry in self._heap if not unwanted(entry[2])]
        heapq.heapify(self._heap)
        return discarded
