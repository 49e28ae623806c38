"""What a generator sends, when, and what it records."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import httpx
import numpy as np
import pytest

from streaming.clock import ManualClock, SystemClock
from streaming.datasets.corpus import CorpusQuestion
from streaming.errors import ConfigurationError
from streaming.identity import question_id
from streaming.traffic.api import QuestionApi
from streaming.traffic.ends import Polled
from streaming.traffic.generator import Generator
from streaming.traffic.plan import TrafficPlan
from streaming.traffic.progress import Progress
from streaming.traffic.records import Request
from tests.unit.traffic.fake_api import FakeApi

START = datetime(2026, 1, 1, tzinfo=UTC)


class Recorded:
    """Takes what would be written."""

    def __init__(self) -> None:
        self.requests: dict[int, Request] = {}

    def note(self, request: Request) -> None:
        self.requests[request.request_number] = replace(request)


class ListFeed:
    """Texts by request number."""

    def __init__(self, texts: dict[int, str]) -> None:
        self._left = iter(texts.items())

    async def next(self) -> tuple[int, CorpusQuestion] | None:
        number, text = next(self._left, (0, None))
        return None if text is None else (number, CorpusQuestion(text, "a reference"))


class World:
    """A generator with everything around it."""

    def __init__(self, fake: FakeApi, api: QuestionApi, clock: ManualClock | SystemClock) -> None:
        self.fake, self.api, self.clock = fake, api, clock
        self.recorded = Recorded()
        self.progress = Progress(10, clock)

    def generator(self, earlier: dict[int, Request] | None = None, **fields: object) -> Generator:
        plan = TrafficPlan.model_validate({"dataset": "d", "patience_s": 5, **fields})
        return Generator(plan, "run-1", self.api, Polled(self.api), self.recorded, self.progress, self.clock, earlier or {})  # type: ignore[arg-type]


@pytest.fixture
async def world() -> AsyncIterator[World]:
    clock, fake = ManualClock(START), FakeApi()
    async with QuestionApi("http://api", None, clock, fake) as api:
        yield World(fake, api, clock)


async def settle() -> None:
    for _ in range(100):
        await asyncio.sleep(0)


def key(text: str) -> object:
    return question_id("run-1", text)


async def test_requests_go_out_at_their_times_whatever_the_replies_do(world: World) -> None:
    feed = ListFeed({0: "one", 1: "two", 2: "three"})
    sending = asyncio.create_task(world.generator().open_loop(feed, np.array([0.0, 2.0, 2.5])))  # type: ignore[arg-type]
    await settle()
    assert [each["question_text"] for each in world.fake.asked] == ["one"]
    await world.clock.advance(2.4)  # type: ignore[union-attr]
    await settle()
    assert [each["question_text"] for each in world.fake.asked] == ["one", "two"]
    await world.clock.advance(0.2)  # type: ignore[union-attr]
    await settle()
    assert len(world.fake.asked) == 3
    assert not sending.done()
    await world.fake.answer_all()
    await sending
    assert [world.recorded.requests[number].intended_at for number in range(3)] == [
        START,
        START + timedelta(seconds=2),
        START + timedelta(seconds=2.5),
    ]


async def test_a_pending_question_ends_answered_with_both_latencies(world: World) -> None:
    sending = asyncio.create_task(world.generator().open_loop(ListFeed({0: "one"}), np.array([0.0])))  # type: ignore[arg-type]
    await settle()
    pending = world.recorded.requests[0]
    assert (pending.first_status, pending.final_status, pending.question_id) == ("pending", None, key("one"))
    await world.clock.advance(3)  # type: ignore[union-attr]
    await world.fake.answer_all()
    await sending
    request = world.recorded.requests[0]
    assert (request.first_status, request.final_status, request.perceived_ms, request.real_ms) == ("pending", "answered", 0.0, 3000.0)


async def test_a_question_ended_when_its_answer_was_stored_whenever_a_poll_learns_of_it(world: World) -> None:
    sending = asyncio.create_task(world.generator().open_loop(ListFeed({0: "one"}), np.array([0.0])))  # type: ignore[arg-type]
    await settle()
    await world.clock.advance(9)  # type: ignore[union-attr]
    await world.fake.answer(key("one"), resolved_at=START + timedelta(seconds=2))  # type: ignore[arg-type]
    await sending
    assert world.recorded.requests[0].real_ms == 2000.0


async def test_a_clock_of_the_database_that_is_ahead_makes_no_end_in_the_future(world: World) -> None:
    sending = asyncio.create_task(world.generator().open_loop(ListFeed({0: "one"}), np.array([0.0])))  # type: ignore[arg-type]
    await settle()
    await world.clock.advance(3)  # type: ignore[union-attr]
    await world.fake.answer(key("one"), resolved_at=START + timedelta(hours=1))  # type: ignore[arg-type]
    await sending
    assert world.recorded.requests[0].real_ms == 3000.0


async def test_a_found_and_a_failed_question_end_at_the_first_reply(world: World) -> None:
    await world.fake.answer(question_id("run-1", "known"))
    await world.fake.fail(question_id("run-1", "broken"))
    await world.generator().open_loop(ListFeed({0: "known", 1: "broken"}), np.zeros(2))  # type: ignore[arg-type]
    found, failed = world.recorded.requests[0], world.recorded.requests[1]
    assert (found.first_status, found.final_status, found.source) == ("found", "answered", "database")
    assert found.resolved_at == found.first_reply_at
    assert (failed.first_status, failed.final_status, failed.error) == ("error", "failed", "overload_exhausted: busy")


async def test_a_question_that_fails_later_is_recorded_as_failed(world: World) -> None:
    sending = asyncio.create_task(world.generator().open_loop(ListFeed({0: "one"}), np.zeros(1)))  # type: ignore[arg-type]
    await settle()
    await world.fake.fail(question_id("run-1", "one"))
    await sending
    assert world.recorded.requests[0].final_status == "failed"
    assert world.progress.ends == {"failed": 1}


async def test_a_request_that_is_refused_says_why_and_stops_nothing(world: World) -> None:
    world.fake.troubles.append(httpx.Response(422, text="too long"))
    world.fake.answers_at_once = True
    await world.generator().open_loop(ListFeed({0: "one", 1: "two"}), np.zeros(2))  # type: ignore[arg-type]
    by_status = {request.final_status: request for request in world.recorded.requests.values()}
    assert by_status.keys() == {"refused", "answered"}
    assert "too long" in (by_status["refused"].error or "")
    assert by_status["refused"].first_reply_at is None


async def test_a_question_without_an_answer_in_time_is_unresolved(world: World) -> None:
    await world.generator(resolve_timeout_s=0.05).open_loop(ListFeed({0: "one"}), np.zeros(1))  # type: ignore[arg-type]
    request = world.recorded.requests[0]
    assert (request.first_status, request.final_status, request.resolved_at) == ("pending", "unresolved", None)


async def test_what_an_earlier_try_sent_is_only_waited_for(world: World) -> None:
    await world.api.ask({"question_text": "one", "answer_set": "run-1"}, 5)
    earlier = Request(0, START - timedelta(seconds=60), question_id("run-1", "one"), START, START, first_status="pending")
    sending = asyncio.create_task(world.generator({0: earlier}).open_loop(ListFeed({0: "one"}), np.array([900.0])))  # type: ignore[arg-type]
    await settle()
    await world.fake.answer_all()
    await sending
    assert len(world.fake.asked) == 1
    assert world.recorded.requests[0].real_ms == 60_000
    assert world.recorded.requests[0].sent_at == START


async def test_the_plan_decides_answer_set_and_model(world: World) -> None:
    world.fake.answers_at_once = True
    await world.generator(answer_set="shared", model="m").open_loop(ListFeed({0: "one"}), np.zeros(1))  # type: ignore[arg-type]
    (asked,) = world.fake.asked
    assert asked == {
        "question_text": "one",
        "original_answer": "a reference",
        "answer_set": "shared",
        "run_id": "run-1",
        "model": "m",
    }


async def test_in_a_closed_loop_each_user_asks_when_it_has_its_answer(world: World) -> None:
    feed = ListFeed({number: f"question {number}" for number in range(5)})
    sending = asyncio.create_task(world.generator(think_time_s=4).closed_loop(feed, 2))  # type: ignore[arg-type]
    await settle()
    assert len(world.fake.asked) == 2
    await world.fake.answer(question_id("run-1", "question 0"))
    await settle()
    assert len(world.fake.asked) == 2
    await world.clock.advance(4)  # type: ignore[union-attr]
    await settle()
    assert [each["question_text"] for each in world.fake.asked] == ["question 0", "question 1", "question 2"]
    async with asyncio.timeout(10):
        while not sending.done():
            await world.fake.answer_all()
            await world.clock.advance(4)  # type: ignore[union-attr]
    assert {request.final_status for request in world.recorded.requests.values()} == {"answered"}
    assert len(world.recorded.requests) == 5


async def test_a_refused_token_stops_the_run(world: World) -> None:
    world.fake.troubles.append(httpx.Response(401))
    with pytest.raises(ExceptionGroup) as stopped:
        await world.generator().open_loop(ListFeed({0: "one", 1: "two"}), np.zeros(2))  # type: ignore[arg-type]
    assert stopped.group_contains(ConfigurationError)


async def test_cancelling_stops_sending(world: World) -> None:
    sending = asyncio.create_task(world.generator().open_loop(ListFeed({0: "one", 1: "two"}), np.array([0.0, 9.0])))  # type: ignore[arg-type]
    await settle()
    sending.cancel()
    with pytest.raises(asyncio.CancelledError):
        await sending
    await world.clock.advance(60)  # type: ignore[union-attr]
    assert len(world.fake.asked) == 1
    assert world.recorded.requests[0].final_status is None
