"""Which pending questions are lost: those that no record in Kafka speaks of any more."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from streaming.clock import Clock
from streaming.kafka.positions import Cluster, Standing, standings
from streaming.storage.database import Database
from streaming.storage.replay import requeue
from streaming.topics import CONSUMED_BY

BETWEEN_SAMPLES_S = 15.0
NAMED_MOST = 100


@dataclass(frozen=True)
class Sample:
    """Where each group of the loop stands in every partition that it reads."""

    taken_at: datetime
    standings: Sequence[Standing]


def busy(first: Sample, second: Sample) -> list[str]:
    """What still moves or waits, by partition; empty: the loop is at rest, and what is pending is lost."""
    ends = {each.partition: each.log.end for each in first.standings}
    reasons = [f"{each.partition} grows" for each in second.standings if ends.get(each.partition) != each.log.end]
    for each in (*first.standings, *second.standings):
        if each.lag:
            reasons.append(f"{each.group} has {each.lag} records of {each.partition} to do")
    return list(dict.fromkeys(reasons))


def sample(cluster: Cluster, now: datetime) -> Sample:
    """The loop as it is now. Blocks. Raises Unreachable."""
    return Sample(now, standings(cluster, CONSUMED_BY))


class StuckQuestions:
    """Finds lost questions and submits them again."""

    def __init__(self, database: Database, cluster: Cluster, clock: Clock) -> None:
        self._database = database
        self._cluster = cluster
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
        return await asyncio.to_thread(sample, self._cluster, now)
