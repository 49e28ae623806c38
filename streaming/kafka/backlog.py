"""Which partitions are held back, because enough of their records wait in the consume loop.

Resuming fetches again what librdkafka had fetched already, so a partition that is held back stays so until little is left.
"""

from collections import Counter
from collections.abc import Collection, Iterable

from streaming.kafka.client import Record, TopicPartition

PLENTY, LITTLE = 500, 100
"""Records of one partition: held back from the first on, let go below the second."""

PLENTY_BYTES, LITTLE_BYTES = 16 * 1024 * 1024, 4 * 1024 * 1024
"""The same in bytes of their values."""

TOTAL_PLENTY_BYTES, TOTAL_LITTLE_BYTES = 32 * 1024 * 1024, 16 * 1024 * 1024
"""Bytes of all partitions together. One fetch may go beyond, by what librdkafka holds (`queued.max.messages.kbytes`)."""


def held_back(waiting: Iterable[Record], held: Collection[TopicPartition]) -> set[TopicPartition]:
    """The partitions to hold back; `held` are those that are held back so far.

    Over the total, each partition with a record that waits is held back: one whose records pass at once takes no room and goes on.
    """
    counts, sizes = Counter[TopicPartition](), Counter[TopicPartition]()
    for record in waiting:
        counts[record.source] += 1
        sizes[record.source] += len(record.value or b"")
    total = sizes.total()

    def has_plenty(partition: TopicPartition) -> bool:
        if partition in held:
            return counts[partition] >= LITTLE or sizes[partition] >= LITTLE_BYTES or total >= TOTAL_LITTLE_BYTES
        return counts[partition] >= PLENTY or sizes[partition] >= PLENTY_BYTES or total >= TOTAL_PLENTY_BYTES

    return {partition for partition in counts if has_plenty(partition)}
