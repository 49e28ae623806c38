"""The retry consumers on a real Kafka with the real clock, on topics of their own."""

import asyncio
from datetime import UTC, datetime
from uuid import uuid4

import pytest

from bench.model_consumer import Counting, kafka
from streaming import settings, topics
from streaming.clock import SystemClock
from streaming.contracts import Overload, Question, Quota, decode, encode
from streaming.kafka.confluent import KafkaConsumer
from streaming.kafka.consume import ConsumeLoop
from streaming.retries import rules
from streaming.retries.consumer import RetryStep
from streaming.retry_policy import Budget
from tests.unit.kafka.brokers import until

pytestmark = pytest.mark.integration


class Recording(Counting):
    """Keeps the questions that go back, with the moment they do."""

    def __init__(self, producer, prefix):
        super().__init__(producer, prefix)
        self.back = []

    async def send(self, topic, key, value):
        if topic == topics.PENDING:
            self.back.append((datetime.now(UTC), decode(Question, value)))
        return await super().send(topic, key, value)


def start(rule, producer, prefix):
    source = topics.CONSUMED_BY[rule.service][0]
    consumer = KafkaConsumer(settings.load().kafka_bootstrap, prefix + rule.service)
    loop = ConsumeLoop(consumer, [prefix + source], RetryStep(rule, Budget.SHARED, producer, SystemClock()), SystemClock())
    return loop, asyncio.create_task(loop.run())


async def stop(loop, task):
    loop.stop()
    await asyncio.wait_for(task, 20)


async def send(producer, topic, errors):
    await asyncio.gather(*(producer.send(topic, str(error.question_id), encode(error)) for error in errors))


def overloads(count):
    now = datetime.now(UTC)
    given = {"question_text": "Why?", "retry_count": 0, "error_type": "overload", "error_message": "503", "timestamp": now}
    return [Overload(question_id=uuid4(), **given) for _ in range(count)]


def quotas(count, retry_after_s):
    now = datetime.now(UTC)
    given = {"question_text": "Why?", "retry_count": 0, "error_type": "quota", "retry_after_seconds": retry_after_s, "timestamp": now}
    return [Quota(question_id=uuid4(), **given) for _ in range(count)]


def assert_never_early(errors, back, delay_s):
    failed_at = {error.question_id: error.timestamp for error in errors}
    assert {question.question_id for _, question in back} == failed_at.keys()
    assert all((at - failed_at[question.question_id]).total_seconds() >= delay_s for at, question in back)


async def test_200_overloads_and_200_quota_errors_at_once_all_come_back_when_due():
    async with kafka(settings.load().kafka_bootstrap) as (producer, _, prefix):
        overload_back, quota_back = Recording(producer, prefix), Recording(producer, prefix)
        loops = [start(rules.OVERLOAD, overload_back, prefix), start(rules.QUOTA, quota_back, prefix)]
        await until(lambda: all(loop.assigned for loop, _ in loops), "both have joined")
        busy, limited = overloads(200), quotas(200, 3.0)
        await asyncio.gather(send(producer, prefix + topics.OVERLOAD, busy), send(producer, prefix + topics.QUOTA, limited))
        await until(lambda: len(overload_back.back) == len(quota_back.back) == 200, "all are back")
        await until(lambda: not any(loop.in_flight for loop, _ in loops), "all are done")
        for loop, task in loops:
            await stop(loop, task)
    assert_never_early(busy, overload_back.back, 2.0)
    assert_never_early(limited, quota_back.back, 3.0)


async def test_ended_while_errors_wait_the_next_member_sends_them_when_due():
    async with kafka(settings.load().kafka_bootstrap) as (producer, _, prefix):
        recording = Recording(producer, prefix)
        loop, task = start(rules.QUOTA, recording, prefix)
        errors = quotas(50, 8.0)
        await send(producer, prefix + topics.QUOTA, errors)
        await until(lambda: loop.in_flight == 50, "they wait")
        await stop(loop, task)
        assert recording.back == []
        loop, task = start(rules.QUOTA, recording, prefix)
        await until(lambda: len(recording.back) == 50, "all are back")
        await until(lambda: loop.in_flight == 0, "all are done")
        await stop(loop, task)
    assert_never_early(errors, recording.back, 8.0)
