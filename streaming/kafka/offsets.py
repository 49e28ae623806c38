"""Which offsets of a partition are done, though they finish in any order.

The committed offset is the first that is not done; what is done above it travels in the commit's metadata as a base64 bitmap, so that
a restart does not do it again.
"""

import base64
from collections import OrderedDict

WINDOW = 10_000


class OffsetWindow:
    """The offsets of one partition between the committed position and `window` beyond it.

    Records are taken in the order of their offsets. An offset below the newest taken that is not open is done or a hole in the log
    (retention, compaction), so the position is the lowest open offset, whatever lies around it.
    """

    def __init__(self, position: int | None, metadata: str = "", window: int = WINDOW) -> None:
        """`position`: the group's committed offset, None if it never committed: then the first record taken decides."""
        self._next = position
        self._window = window
        self._open: OrderedDict[int, None] = OrderedDict()
        self._done: set[int] = set() if position is None else {position + index for index in _set_bits(metadata)}

    @property
    def position(self) -> int | None:
        """The offset to commit: everything below it is done. None before the first record of a group that never committed."""
        return next(iter(self._open), self._next)

    @property
    def in_flight(self) -> int:
        """How many records were taken and are not done."""
        return len(self._open)

    def take(self, offset: int) -> bool:
        """Whether the record at `offset` is to be worked on; False where that was done, or begun, before."""
        if self._next is None:
            self._next = offset
        if offset < self._next:
            return False
        self._next = offset + 1
        if offset in self._done:
            return False
        self._open[offset] = None
        return True

    def is_past(self, offset: int) -> bool:
        """Whether the offset lies below the newest taken: offsets of one log never run backwards."""
        return self._next is not None and offset < self._next

    def done(self, offset: int) -> None:
        """The record at `offset` has had its whole effect."""
        del self._open[offset]
        self._done.add(offset)

    def full(self, offset: int) -> bool:
        """Whether `offset` lies past the window, so that the partition must pause before it."""
        position = self.position
        return position is not None and offset >= position + self._window

    def metadata(self) -> str:
        """The bitmap of what is done above the position: empty if nothing is."""
        position = self.position
        if position is None:
            return ""
        self._done = {offset for offset in self._done if offset >= position}
        if not self._done:
            return ""
        bits = bytearray((max(self._done) - position) // 8 + 1)
        for offset in self._done:
            index = offset - position
            bits[index // 8] |= 1 << index % 8
        return base64.b64encode(bytes(bits)).decode()


def done_within(first: int, last: int, metadata: str) -> int:
    """How many records are done, by the commit's metadata, of those from `first` to before `last` above the committed offset."""
    return sum(first <= index < last for index in _set_bits(metadata))


def _set_bits(metadata: str) -> list[int]:
    bits = base64.b64decode(metadata, validate=True)
    return [byte * 8 + bit for byte, value in enumerate(bits) for bit in range(8) if value >> bit & 1]
