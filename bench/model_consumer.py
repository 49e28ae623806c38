"""The model consumer against a simulator with 16 slots of 200 ms each: its calls a second as a share of the 80 that the slots allow.

`python -m bench.model_consumer`: on Kafka at ANSWERLOOP_KAFKA_BOOTSTRAP, with topics of its own; without that setting, on the broker in
memory. The simulator runs in a process of its own.
"""

import asyncio
import json
import os
import socket
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import httpx
import uvloop
from rich.console import Console
from rich.table import Table

from streaming import settings, topics
from streaming.clock import SystemClock
from streaming.contracts import Question, encode
from streaming.kafka.admin import KafkaAdmin
from streaming.kafka.client import Consumer, Delivered, Producer
from streaming.kafka.confluent import KafkaConsumer
from streaming.kafka.consume import ConsumeLoop
from streaming.kafka.memory import MemoryBroker
from streaming.kafka.producer import KafkaProducer
from streaming.llm.consumer import Asking, ModelStep
from streaming.llm.limit import InFlightLimit
from streaming.model.ollama import Ollama
from streaming.model.server import Sampling
from streaming.retry_policy import Budget
from streaming.settings import Settings
from streaming.topics import TopicSpec

SLOTS, LATENCY_MS = 16, 200
POSSIBLE_PER_S = SLOTS / (LATENCY_MS / 1000)
TARGET_SHARE = 0.9
WARM_UP_S = 3.0
START_DEADLINE_S = 30.0


class Counting:
    """A producer that counts what it delivers, to topics of this bench alone."""

    def __init__(self, producer: Producer, prefix: str) -> None:
        self._producer = producer
        self._prefix = prefix
        self.delivered: dict[str, int] = {}
        self.began = asyncio.Event()

    async def send(self, topic: str, key: str, value: bytes) -> Delivered:
        """Send to the topic's own copy."""
        where = await self._producer.send(self._prefix + topic, key, value)
        self.delivered[topic] = self.delivered.get(topic, 0) + 1
        self.began.set()
        return where

    async def close(self) -> None:
        """Close the producer."""
        await self._producer.close()


async def measure(seconds: float = 15.0, bootstrap: str | None = None) -> dict[str, Any]:
    """Calls a second over so many seconds, after a warm-up in which the limit is found."""
    async with simulator() as url, kafka(bootstrap) as (producer, consumer, prefix):
        count = int(POSSIBLE_PER_S * (seconds + WARM_UP_S) * 1.2)
        await asyncio.gather(*(producer.send(prefix + topics.PENDING, str(number), question(number)) for number in range(count)))
        settings = Settings()
        limit = InFlightLimit(settings.model_in_flight, settings.model_in_flight_max)
        server = Ollama(url, Sampling(64, 0.0), 30.0, settings.model_in_flight_max + 1)
        counting, clock = Counting(producer, prefix), SystemClock()
        step = ModelStep(server, limit, Asking(settings.model, Budget.SHARED), counting, clock)
        loop = ConsumeLoop(consumer, [prefix + topics.PENDING], step, clock)
        running = asyncio.create_task(loop.run())
        async with asyncio.timeout(START_DEADLINE_S):
            await counting.began.wait()
        await asyncio.sleep(WARM_UP_S)
        before, began, cpu = counting.delivered[topics.SUCCESS], time.monotonic(), time.process_time()
        await asyncio.sleep(seconds)
        elapsed = time.monotonic() - began
        answered, used = counting.delivered[topics.SUCCESS] - before, time.process_time() - cpu
        found = limit.limit
        loop.stop()
        await running
    per_s = answered / elapsed
    return {
        "bench": "model_consumer",
        "broker": "kafka" if bootstrap else "memory",
        "slots": SLOTS,
        "latency_ms": LATENCY_MS,
        "seconds": round(elapsed, 1),
        "calls_per_s": round(per_s, 1),
        "possible_per_s": POSSIBLE_PER_S,
        "share": round(per_s / POSSIBLE_PER_S, 3),
        "limit_found": found,
        "processor_ms_per_call": round(used / answered * 1000, 2),
        "target_share": TARGET_SHARE,
        "met": per_s >= TARGET_SHARE * POSSIBLE_PER_S,
    }


def question(number: int) -> bytes:
    """A pending question as a record's value."""
    text = f"Question {number}: why is the sky blue?"
    return encode(Question(question_id=uuid4(), question_text=text, timestamp=datetime.now(UTC), original_answer=None, retry_count=0))


@asynccontextmanager
async def simulator() -> AsyncIterator[str]:
    """A simulator without faults, every call of which takes the same time."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        port = bound.getsockname()[1]
    wanted = {
        "PORT": str(port),
        "SLOTS": str(SLOTS),
        "LATENCY_MS": str(LATENCY_MS),
        "LATENCY_SPREAD": "0",
        "PROFILE": "clean",
    }
    environment = os.environ | {f"ANSWERLOOP_SIMULATOR_{name}": value for name, value in wanted.items()}
    process = await asyncio.create_subprocess_exec(sys.executable, "-m", "streaming", "simulator", env=environment)
    url = f"http://127.0.0.1:{port}"
    try:
        retrying = httpx.AsyncHTTPTransport(retries=8)  # 0.5, 1, 2 ... s apart, until it listens
        async with httpx.AsyncClient(transport=retrying, timeout=START_DEADLINE_S, trust_env=False) as client:
            await client.get(f"{url}/api/version")
        yield url
    finally:
        process.terminate()
        await process.wait()


@asynccontextmanager
async def kafka(bootstrap: str | None) -> AsyncIterator[tuple[Producer, Consumer, str]]:
    """A producer, a consumer and the prefix of topics made for this bench."""
    prefix = f"bench-{uuid4()}-"
    specs = [TopicSpec(prefix + spec.name, spec.message, spec.partitions) for spec in topics.TOPICS]
    if bootstrap is None:
        broker = MemoryBroker()
        for spec in specs:
            broker.create(spec.name, spec.partitions)
        yield broker.producer(), broker.consumer(prefix), prefix
        return
    login = settings.load().kafka_login
    admin = KafkaAdmin(bootstrap, login)
    await asyncio.to_thread(admin.create, specs, 1)
    producer = KafkaProducer(bootstrap, login=login)
    try:
        yield producer, KafkaConsumer(bootstrap, prefix, login), prefix
    finally:
        await producer.close()
        await asyncio.to_thread(admin.delete, [spec.name for spec in specs])


def main() -> None:
    """Measure, print a table and JSON."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        found = runner.run(measure(bootstrap=os.environ.get("ANSWERLOOP_KAFKA_BOOTSTRAP")))
    table = Table("figure", "value", title="model consumer, 16 slots of 200 ms")
    for name, value in found.items():
        table.add_row(name, str(value))
    Console().print(table)
    print(json.dumps(found))


if __name__ == "__main__":
    main()
