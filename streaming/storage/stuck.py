"""Which pending questions are lost: those that no record in Kafka speaks of any more."""

import asyncio
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from streaming.clock import Clock
from streaming.kafka.client import TopicPartition
from streaming.storage.database import Database
from streaming.storage.replay import requeue
from streaming.topics import CONSUMED_BY

BETWEEN_SAMPLES_S = 15.0
NAMED_MOST = 100


class Positions(Protocol):
    """What is asked of the Kafka administrator; the calls block."""

    def end_offsets(self, topics: Collection[str]) -> Mapping[TopicPartition, int]: ...

    def committed(self, group: str, partitions: Collection[TopicPartition]) -> Mapping[TopicPartition, int | None]: ...


@dataclass(frozen=True)
class Sample:
    """The end of every partition of the loop, and where each group that reads it has committed."""

    taken_at: datetime
    ends: Mapping[TopicPartition, int]
    committed: Mapping[tuple[str, TopicPartition], int | None]


def busy(first: Sample, second: Sample) -> list[str]:
    """What still moves or waits, by partition; empty: the loop is at rest, and what is pending is lost."""
    reasons = [f"{partition} grows" for partition, end in second.ends.items() if first.ends.get(partition) != end]
    for sample in (first, second):
        for (group, partition), offset in sample.committed.items():
            # A position beyond the end belongs to a log that was truncated or made anew: nothing of it is left to do.
            behind = sample.ends[partition] - (offset or 0)
            if behind > 0:
                reasons.append(f"{group} has {behind} records of {partition} to do")
    return list(dict.fromkeys(reasons))


def sample(positions: Positions, now: datetime) -> Sample:
    """Commits are read before ends, so that a group never seems to be further than it is."""
    topics = sorted({topic for consumed in CONSUMED_BY.values() for topic in consumed})
    partitions = list(positions.end_offsets(topics))
    committed = {
        (group, partition): offset
        for group, consumed in CONSUMED_BY.items()
        for partition, offset in positions.committed(group, [each for each in partitions if each.topic in consumed]).items()
    }
    return Sample(now, positions.end_offsets(topics), committed)


class StuckQuestions:
    """Finds lost questions and submits them again."""

    def __init__(self, database: Database, positions: Positions, clock: Clock) -> None:
        self._database = database
        self._positions = positions
        self._clock = clock
        self._one_at_a_time = asyncio.Lock()

    async def requeue(self) -> dict[str, Any]:
        """Takes 15 s. What was done: how many questions go out again, or what showed that none is lost. Raises Unreachable."""
        async with self._one_at_a_time:
            first = await self._sample()
            await self._clock.sleep(BETWEEN_SAMPLES_S)
            second = await self._sample()
            if reasons := busy(first, second):
                return {"at_rest": False, "busy": reasons[:NAMED_MOST], "requeued": 0, "question_ids": []}
            now = self._clock.now()
            questions = await self._database.run(lambda connection: requeue(connection, first.taken_at, now))
        return {"at_rest": True, "busy": [], "requeued": len(questions), "question_ids": questions[:NAMED_MOST]}

    async def _sample(self) -> Sample:
        now = self._clock.now()
        return await asyncio.to_thread(sample, self._positions, now)
