"""Whether a run has drained: all its questions terminal, and the persister past the end offsets sampled at that moment."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

from streaming.clock import Clock
from streaming.kafka.admin import KafkaAdmin
from streaming.kafka.client import TopicPartition
from streaming.kafka.lag import undone
from streaming.postgres.connect import connected
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


async def wait_until_drained(database_url: str, kafka: KafkaAdmin, run_id: str, timeout_s: float, clock: Clock) -> Backlog:
    """An empty backlog once the run has drained; what is left, and where, after `timeout_s`."""
    deadline = clock.monotonic() + timeout_s
    while pending := await asyncio.to_thread(pending_by_stage, database_url, run_id):
        if clock.monotonic() > deadline:
            return Backlog(pending, await asyncio.to_thread(_unread, kafka))
        await clock.sleep(LOOK_EVERY_S)
    sampled = await asyncio.to_thread(kafka.end_offsets, CONSUMED_BY[STORAGE_PERSISTER])
    while behind := await asyncio.to_thread(_behind, kafka, STORAGE_PERSISTER, sampled):
        if clock.monotonic() > deadline:
            return Backlog({}, {STORAGE_PERSISTER: behind})
        await clock.sleep(LOOK_EVERY_S)
    return Backlog({}, {})


def pending_by_stage(database_url: str, run_id: str) -> dict[str, int]:
    """The run's questions without an end, counted by where they are."""
    with connected(database_url) as database, database.cursor() as cursor:
        cursor.execute(PENDING_BY_STAGE, {"run_id": run_id})
        return dict(cursor.fetchall())


def _unread(kafka: KafkaAdmin) -> dict[str, int]:
    behind = {group: _behind(kafka, group, kafka.end_offsets(topics)) for group, topics in CONSUMED_BY.items()}
    return {group: count for group, count in behind.items() if count}


def _behind(kafka: KafkaAdmin, group: str, sampled: Mapping[TopicPartition, int]) -> int:
    """How many records below these offsets the group has not done."""
    positions = kafka.positions(group, sampled.keys())
    logs = kafka.logs({partition.topic for partition in sampled})
    return sum(undone(positions[partition], logs[partition], below) for partition, below in sampled.items())
