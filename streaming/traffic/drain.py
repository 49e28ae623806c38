"""Whether a run has drained: all its questions terminal, and the persister past the end offsets sampled at that moment."""

import asyncio
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from streaming.clock import Clock
from streaming.kafka.client import TopicPartition
from streaming.kafka.positions import Cluster, standings, undone
from streaming.postgres.connect import LOOK_UP_S, connected
from streaming.topics import CONSUMED_BY, STORAGE_PERSISTER

LOOK_EVERY_S = 0.5

# Begins at what is pending, which is little, and looks each up: LIMIT keeps the planner from reading all requests of the run instead.
PENDING_BY_STAGE = """
SELECT CASE WHEN q.enqueued_at IS NULL THEN 'not yet in Kafka'
            WHEN last.outcome IS NULL THEN 'at the model or being scored'
            WHEN last.outcome = 'success' THEN 'asked again after a low score'
            ELSE 'asked again after ' || last.outcome END AS stage, count(*)
FROM questions q
LEFT JOIN LATERAL (SELECT outcome FROM attempts a WHERE a.submission_id = q.submission_id ORDER BY retry_count DESC LIMIT 1) last ON true
LEFT JOIN LATERAL (
    SELECT true AS too FROM traffic_requests r
    WHERE q.run_id IS DISTINCT FROM %(run_id)s AND r.question_id = q.question_id AND r.run_id = %(run_id)s LIMIT 1
) asked ON true
WHERE q.status = 'pending' AND (q.run_id = %(run_id)s OR asked.too)
GROUP BY stage ORDER BY stage
"""


@dataclass(frozen=True)
class Backlog:
    """What keeps a run from being drained: its pending questions by stage, and records unread by consumer group."""

    pending: Mapping[str, int]
    unread: Mapping[str, int]

    def __bool__(self) -> bool:
        return bool(self.pending or self.unread)

    def __str__(self) -> str:
        questions = ", ".join(f"{count} {stage}" for stage, count in self.pending.items()) or "none"
        records = ", ".join(f"{count} by {group}" for group, count in self.unread.items()) or "none"
        return f"pending questions: {questions}; records not read: {records}"


async def wait_until_drained(database_url: str, kafka: Cluster, run_id: str, timeout_s: float, clock: Clock) -> Backlog:
    """An empty backlog once the run has drained; what is left, and where, after `timeout_s`."""
    deadline = clock.monotonic() + timeout_s
    while pending := await asyncio.to_thread(pending_by_stage, database_url, run_id):
        if clock.monotonic() > deadline:
            return Backlog(pending, await asyncio.to_thread(_unread, kafka))
        await clock.sleep(LOOK_EVERY_S)
    logs = await asyncio.to_thread(kafka.logs, CONSUMED_BY[STORAGE_PERSISTER])
    sampled = {partition: log.end for partition, log in logs.items()}
    while behind := await asyncio.to_thread(_unstored, kafka, sampled):
        if clock.monotonic() > deadline:
            return Backlog({}, {STORAGE_PERSISTER: behind})
        await clock.sleep(LOOK_EVERY_S)
    return Backlog({}, {})


def pending_by_stage(database_url: str, run_id: str) -> dict[str, int]:
    """The run's questions without an end, counted by where they are."""
    with connected(database_url, LOOK_UP_S) as database, database.cursor() as cursor:
        cursor.execute(PENDING_BY_STAGE, {"run_id": run_id})
        return dict(cursor.fetchall())


def _unread(kafka: Cluster) -> dict[str, int]:
    behind = Counter[str]()
    for each in standings(kafka, CONSUMED_BY):
        behind[each.group] += each.lag
    return {group: count for group, count in behind.items() if count}


def _unstored(kafka: Cluster, sampled: Mapping[TopicPartition, int]) -> int:
    """How many records below these offsets the persister has not done."""
    read = standings(kafka, {STORAGE_PERSISTER: CONSUMED_BY[STORAGE_PERSISTER]})
    return sum(undone(each.position, each.log, sampled[each.partition]) for each in read if each.partition in sampled)
