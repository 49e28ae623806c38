"""What was used last, up to so many bytes."""

from collections import OrderedDict
from collections.abc import Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Recent(Generic[K, V]):
    """A cache bounded in bytes; the entry unused for longest goes first. Not safe for threads."""

    def __init__(self, most_bytes: int) -> None:
        self._most_bytes = most_bytes
        self._entries: OrderedDict[K, tuple[V, int]] = OrderedDict()
        self.bytes_held = 0

    def __len__(self) -> int:
        return len(self._entries)

    def get(self, key: K) -> V | None:
        """The entry, which thereby counts as used, or None."""
        entry = self._entries.get(key)
        if entry is None:
            return None
        self._entries.move_to_end(key)
        return entry[0]

    def put(self, key: K, value: V, size: int) -> None:
        """Keep an entry of so many bytes; one that is larger than the whole cache is not kept."""
        if size > self._most_bytes:
            return
        if key in self._entries:
            self.bytes_held -= self._entries.pop(key)[1]
        self._entries[key] = (value, size)
        self.bytes_held += size
        while self.bytes_held > self._most_bytes:
            self.bytes_held -= self._entries.popitem(last=False)[1][1]
