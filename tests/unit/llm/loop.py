"""The model step on a broker in memory, with a scripted model."""

import asyncio
from collections import defaultdict
from datetime import UTC, datetime
from uuid import uuid4

import msgspec

from streaming import topics
from streaming.clock import ManualClock
from streaming.contracts import Question, decode, encode
from streaming.kafka.consume import ConsumeLoop
from streaming.kafka.memory import MemoryBroker
from streaming.llm.consumer import Asking, ModelStep
from streaming.llm.limit import InFlightLimit
from streaming.model.http import Received
from streaming.model.ollama import reply_of
from streaming.model.server import Failure, NoReply
from streaming.retry_policy import Budget

START = datetime(2026, 11, 23, 12, 0, 0, tzinfo=UTC)
REFUSED = NoReply(Failure.CANNOT_CONNECT, "connection refused")
RESET = NoReply(Failure.RESET, "server disconnected")
ADDRESS = "http://model.example:11434"


def answer(text="Because of Rayleigh scattering.", **fields):
    return received(200, {"model": "real-name", "response": text, "done": True} | fields)


def error(status, text="no", **headers):
    return received(status, {"error": text}, {name.replace("_", "-"): value for name, value in headers.items()})


def received(status, fields, headers=None):
    return reply_of(ADDRESS, Received(status, headers or {}, msgspec.json.encode(fields)))


class ScriptedModel:
    """Gives the replies scripted for a question's text one after the other, the last for ever; `hold` makes calls wait."""

    def __init__(self):
        self.replies = defaultdict(lambda: [answer()])
        self.probes = [answer()]
        self.asked = []
        self.cancelled = []
        self.in_flight = 0
        self.max_in_flight = 0
        self.free = asyncio.Event()
        self.free.set()

    async def __aenter__(self):
        return self

    async def __aexit__(self, *_):
        pass

    async def generate(self, model, question_text, retry_count):
        self.asked.append((model, question_text, retry_count))
        self.in_flight += 1
        self.max_in_flight = max(self.max_in_flight, self.in_flight)
        try:
            await self.free.wait()
        except asyncio.CancelledError:
            self.cancelled.append(question_text)
            raise
        finally:
            self.in_flight -= 1
        return _next(self.replies[question_text])

    async def probe(self, model):
        return _next(self.probes)


def _next(replies):
    return replies.pop(0) if len(replies) > 1 else replies[0]


def question(text="Why is the sky blue?", **fields):
    given = {"question_id": uuid4(), "timestamp": START, "original_answer": "The reference.", "retry_count": 0} | fields
    return Question(question_text=text, **given)


class Harness:
    """Runs the step; `until` polls for an effect with a deadline."""

    def __init__(self, limit=8, most=32, budget=Budget.SHARED, model=None):
        self.broker = MemoryBroker()
        for spec in topics.TOPICS:
            self.broker.create(spec.name, 1)
        self.model = model or ScriptedModel()
        self.clock = ManualClock(START)
        self.limit = InFlightLimit(limit, most)
        self.step = ModelStep(self.model, self.limit, Asking("configured", budget), self.broker.producer(), self.clock)
        self.loop = ConsumeLoop(self.broker.consumer(topics.LLM_CONSUMER), [topics.PENDING], self.step, self.clock)
        self.task = None

    async def __aenter__(self):
        self.task = asyncio.create_task(self.loop.run())
        return self

    async def __aexit__(self, *_):
        self.loop.stop()
        await asyncio.wait({self.task}, timeout=10)
        assert self.task.done()

    async def ask(self, *questions):
        for each in questions:
            await self.broker.append(topics.PENDING, str(each.question_id).encode(), encode(each))

    async def ask_at_once(self, *texts):
        """The model answers none of them before it was asked for all."""
        self.model.free.clear()
        await self.ask(*(question(text) for text in texts))
        await self.until(lambda: self.model.in_flight == len(texts), "all are under way")
        self.model.free.set()

    def sent(self, topic):
        return [decode(topics.MESSAGE_OF[topic], record.value) for record in self.broker.records(topic)]

    async def until(self, holds, what, deadline_s=5.0):
        async with asyncio.timeout(deadline_s):
            while not holds():
                await asyncio.sleep(0.002)
        assert holds(), what

    async def arrived(self, topic, count=1):
        await self.until(lambda: len(self.broker.records(topic)) >= count, f"{count} on {topic}")
        return self.sent(topic)

    def committed(self):
        positions = self.broker.committed[topics.LLM_CONSUMER]
        return sum(place.offset or 0 for place in positions.values())
