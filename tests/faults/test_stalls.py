"""What no kill shows: a broker that stands still under a backlog, and records that nobody can use."""

import asyncio
import os
import signal
from typing import Any
from uuid import uuid4

import confluent_kafka as ck
import httpx
import pytest

from streaming import settings, topics
from streaming.kafka.admin import KafkaAdmin
from streaming.kafka.consume import PLENTY
from tests import stack

pytestmark = pytest.mark.faults

# Longer than `session.timeout.ms`: every group loses its members.
STALL_S = 15
AT_ONCE = 32
SERVICES = ["storage-api", "storage-persister", "llm-consumer", "retry-overload", "retry-quota", "job-submitter"]


async def ask(count: int, answer_set: str) -> None:
    """So many new questions, without a reference: the model's answer is their end."""
    room = asyncio.Semaphore(AT_ONCE)
    async with httpx.AsyncClient(base_url=settings.load().api_url, timeout=30, trust_env=False) as client:

        async def one(number: int) -> int:
            async with room:
                body: dict[str, Any] = {"question_text": f"What is {number} plus one?", "answer_set": answer_set}
                return (await client.post("/questions", json=body)).status_code

        assert set(await asyncio.gather(*(one(number) for number in range(count)))) == {202}


def open_questions(answer_set: str) -> int:
    ((count,),) = stack.sql("SELECT count(*) FROM questions WHERE answer_set = %s AND status = 'pending'", answer_set)
    return int(count)


async def test_a_broker_that_stands_still_under_a_backlog_leaves_no_partition_behind() -> None:
    answer_set = f"stall-{uuid4()}"
    stack.stop("simulator")
    try:
        # More for each of the six partitions than the consumer holds before it pauses them, and room for an uneven share.
        await ask(7 * PLENTY, answer_set)
        broker = stack.supervisor().state("kafka").pid
        os.kill(broker, signal.SIGSTOP)
        try:
            await asyncio.sleep(STALL_S)
        finally:
            os.kill(broker, signal.SIGCONT)
    finally:
        stack.start("simulator")
    await asyncio.to_thread(stack.until, lambda: open_questions(answer_set) == 0, "every question ends", 240)


def poison() -> list[bytes]:
    """Valid JSON with a name that PostgreSQL cannot hold; and what fills a topic without being a message of it."""
    name_with_nul = b'{"question_id": "%s", "question_text": "x", "a\\u0000b": 1}' % str(uuid4()).encode()
    large = b'{"question_id": "%s", "retry_count": -1, "question_text": "%s"}' % (str(uuid4()).encode(), b"x" * (8 * 1024 * 1024 - 2000))
    return [name_with_nul, large]


async def test_a_record_that_nobody_can_use_stops_nobody_and_is_buried_once() -> None:
    consumed = [topic for topic in topics.MESSAGE_OF if topic != topics.DEAD_LETTERS]
    admin = KafkaAdmin(settings.load().kafka_bootstrap)

    def buried() -> int:
        return sum(admin.end_offsets([topics.DEAD_LETTERS]).values())

    before = buried()
    pids = {service: stack.supervisor().state(service).pid for service in SERVICES}
    producer = ck.Producer({"bootstrap.servers": settings.load().kafka_bootstrap, "message.max.bytes": topics.MAX_MESSAGE_BYTES})
    records = [(topic, value) for topic in consumed for value in poison()]
    for topic, value in records:
        producer.produce(topic, value)
    assert producer.flush(60) == 0
    await asyncio.to_thread(stack.until, lambda: buried() >= before + len(records), "every record is buried", 120)

    answer_set = f"poison-{uuid4()}"
    await ask(3, answer_set)
    await asyncio.to_thread(stack.until, lambda: open_questions(answer_set) == 0, "questions asked afterwards end", 60)
    assert buried() == before + len(records)
    assert {service: stack.supervisor().state(service).pid for service in SERVICES} == pids
