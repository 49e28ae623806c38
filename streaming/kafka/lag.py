"""How much of a partition a group still has to do. Pure; what is asked of Kafka for it, read the commits first: then a lag is never
told as less than it is."""

from typing import NamedTuple

from streaming.kafka.client import Committed
from streaming.kafka.offsets import done_within


class Log(NamedTuple):
    """The records that a partition holds: from `start` up to, not including, `end`."""

    start: int
    end: int


def undone(position: Committed, log: Log, below: int) -> int:
    """Records below this offset that the group has not done.

    A position beyond the end belongs to a log that was truncated or made anew: of this one the group has done nothing, and reads it from
    its start. What is done above the position, behind a record that takes long, stands in the commit's metadata.
    """
    if position.offset is None or position.offset > log.end:
        position = Committed(log.start, "")
    assert position.offset is not None
    first, last = max(log.start - position.offset, 0), min(below, log.end) - position.offset
    return max(last - first, 0) - done_within(first, last, position.metadata)
