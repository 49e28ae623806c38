"""The model consumer between a real Kafka and the simulator on a real socket, on topics of its own."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from uuid import uuid4

import pytest

from bench.model_consumer import Counting, kafka
from streaming import settings, topics
from streaming.clock import SystemClock
from streaming.contracts import Question, encode
from streaming.kafka.confluent import KafkaConsumer
from streaming.kafka.consume import ConsumeLoop
from streaming.llm.consumer import Asking, ModelStep
from streaming.llm.limit import InFlightLimit
from streaming.model.ollama import Ollama
from streaming.model.server import Sampling
from streaming.retry_policy import Budget
from streaming.simulator.app import create_app, running
from streaming.simulator.corpus import CsvCorpus
from streaming.simulator.faults import Faults
from streaming.simulator.model import Character
from tests.unit.kafka.brokers import until

pytestmark = pytest.mark.integration

MODEL = "llama3.2:1b"


def simulator(faults=None, latency_s=0.05):
    return create_app(Character(MODEL, "llama3.2:3b", 1, 8, latency_s, 0.0), CsvCorpus([]), faults)


def question(text):
    return Question(question_id=uuid4(), question_text=text, timestamp=datetime.now(UTC), original_answer=None, retry_count=0)


class Consuming:
    """A model consumer on private topics; `restart` ends it and lets another member of its group go on."""

    def __init__(self, url, producer, prefix):
        self.url, self.producer, self.prefix = url, producer, prefix
        self.counting = Counting(producer, prefix)

    def start(self):
        server = Ollama(self.url, Sampling(64, 0.0), 10.0, 9)
        self.step = ModelStep(server, InFlightLimit(8, 8), Asking(MODEL, Budget.SHARED), self.counting, SystemClock())
        consumer = KafkaConsumer(settings.load().kafka_bootstrap, self.prefix)
        self.loop = ConsumeLoop(consumer, [self.prefix + topics.PENDING], self.step, SystemClock())
        self.task = asyncio.create_task(self.loop.run())

    async def stop(self):
        self.loop.stop()
        await asyncio.wait_for(self.task, 20)

    async def ask(self, *questions):
        sends = [self.producer.send(self.prefix + topics.PENDING, str(each.question_id), encode(each)) for each in questions]
        await asyncio.gather(*sends)


@asynccontextmanager
async def consuming(application) -> AsyncIterator[Consuming]:
    async with running(application) as url, kafka(settings.load().kafka_bootstrap) as (producer, _, prefix):
        consuming = Consuming(url, producer, prefix)
        consuming.start()
        try:
            yield consuming
        finally:
            await consuming.stop()


async def test_every_question_has_one_outcome_and_offsets_follow_deliveries():
    application = simulator(Faults(overload_503=0.2, quota_402=0.2, refused_400=0.1, truncated=0.1, done_false=0.1))
    async with consuming(application) as consumer:
        await consumer.ask(*(question(f"question {number}") for number in range(100)))
        await until(lambda: sum(consumer.counting.delivered.values()) == 100, "all have an outcome")
        await until(lambda: consumer.loop.in_flight == 0, "all are done")
        delivered = consumer.counting.delivered
        assert {topics.SUCCESS, topics.OVERLOAD, topics.QUOTA, topics.FATAL} == set(delivered)
        stats = application.state.model.stats
        assert stats.calls == 100
        assert stats.outcomes["answered"] == delivered[topics.SUCCESS]
        assert stats.max_in_flight <= 8


async def test_a_model_that_goes_away_and_comes_back_costs_no_question_anything():
    application = simulator()
    async with consuming(application) as consumer:
        await consumer.ask(*(question(f"question {number}") for number in range(200)))
        await until(lambda: consumer.counting.delivered.get(topics.SUCCESS, 0) >= 20, "it works")
        application.state.model.play(Faults(down=True))
        await until(lambda: "model" in consumer.step.problems(), "the gate closes")
        application.state.model.play(Faults())
        await until(lambda: consumer.counting.delivered.get(topics.SUCCESS, 0) == 200, "all are answered")
        assert set(consumer.counting.delivered) == {topics.SUCCESS}


async def test_a_restart_in_the_middle_loses_nothing_and_repeats_nothing_that_was_done():
    application = simulator()
    async with consuming(application) as consumer:
        await consumer.ask(*(question(f"question {number}") for number in range(150)))
        await until(lambda: consumer.counting.delivered.get(topics.SUCCESS, 0) >= 30, "it works")
        await consumer.stop()
        consumer.start()
        await until(lambda: consumer.counting.delivered.get(topics.SUCCESS, 0) >= 150, "all are answered")
        await until(lambda: consumer.loop.in_flight == 0, "all are done")
        assert consumer.counting.delivered == {topics.SUCCESS: 150}
