"""Replaying through the API: each failure once, whatever the API does meanwhile."""

import asyncio
import json
from collections.abc import Callable
from datetime import UTC, datetime
from uuid import UUID, uuid4

import httpx
import pytest

from streaming.clock import ManualClock
from streaming.errors import AnswerloopError, ConfigurationError, Unreachable, UserError
from streaming.replays import sending
from streaming.replays.choice import Chosen, Place
from streaming.replays.sending import IN_FLIGHT, Sent, send_batch
from streaming.traffic.api import QuestionApi

NOW = datetime(2026, 5, 1, tzinfo=UTC)


class FakeApi(httpx.AsyncBaseTransport):
    """Replays a failed submission once; `trouble` may answer instead, by how many requests came before."""

    def __init__(self, trouble: Callable[[int], httpx.Response | None] = lambda _: None) -> None:
        self.replays: dict[UUID, dict[str, str]] = {}
        self.requests = 0
        self.trouble = trouble
        self.most_in_flight = 0
        self._in_flight = 0

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        number, self.requests = self.requests, self.requests + 1
        self._in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self._in_flight)
        await asyncio.sleep(0)
        self._in_flight -= 1
        if (instead := self.trouble(number)) is not None:
            return instead
        body = json.loads(request.content)
        submission = UUID(body["submission_id"])
        assert request.url.path.endswith("/replay")
        if submission in self.replays:
            return httpx.Response(200, json={"status": "replayed"})
        self.replays[submission] = body
        return httpx.Response(202, json={"status": "pending"})


def failures(count: int) -> list[Chosen]:
    return [Chosen(uuid4(), Place(NOW, uuid4())) for _ in range(count)]


async def replayed(batch: list[Chosen], api: FakeApi, model: str | None = None) -> Sent:
    """What was sent; time passes whenever somebody waits for it."""
    clock, sent = ManualClock(NOW), Sent()
    async with QuestionApi("http://api", "secret", clock, api) as client:
        work = asyncio.create_task(send_batch(batch, model, "evening", client, sent))
        while not work.done():
            await clock.advance(1)
        await work
    return sent


async def test_each_failure_is_replayed_under_the_name_of_the_replay_and_few_at_a_time() -> None:
    batch, api = failures(50), FakeApi()
    sent = await replayed(batch, api, "llama3.2:3b")
    assert (sent.replayed, sent.gone, str(sent)) == (50, 0, "50 replayed")
    assert api.replays.keys() == {each.place.submission_id for each in batch}
    assert {(body["replay_id"], body["model"]) for body in api.replays.values()} == {("evening", "llama3.2:3b")}
    assert 1 < api.most_in_flight <= IN_FLIGHT


async def test_a_model_that_nobody_named_is_not_sent() -> None:
    api = FakeApi()
    await replayed(failures(1), api)
    assert ["model" in body for body in api.replays.values()] == [False]


async def test_an_api_that_asks_for_patience_gets_it() -> None:
    api = FakeApi(lambda number: httpx.Response(503, headers={"Retry-After": "3"}) if number < 5 else None)
    assert (await replayed(failures(10), api)).replayed == 10


@pytest.mark.parametrize("reply", [httpx.Response(503, text="away"), httpx.Response(503, headers={"Retry-After": "3600"})])
async def test_an_api_that_dies_in_the_middle_stops_the_replay_and_a_rerun_goes_on_with_nothing_twice(reply: httpx.Response) -> None:
    batch, api = failures(40), FakeApi(lambda number: reply if number >= 25 else None)
    with pytest.raises(Unreachable, match=r"stopped after \d+ replayed: .*goes on where it stopped"):
        await replayed(batch, api)
    before = dict(api.replays)
    assert 0 < len(before) < 40
    api.trouble = lambda _: None
    await replayed(batch, api)
    assert len(api.replays) == 40
    assert before.items() <= api.replays.items()


@pytest.mark.parametrize("status", [404, 409])
async def test_what_is_no_longer_failed_when_its_turn_comes_is_left_alone(status: int) -> None:
    api = FakeApi(lambda number: httpx.Response(status, json={"detail": "it has not failed"}) if number == 3 else None)
    sent = await replayed(failures(10), api)
    assert str(sent) == "9 replayed, 1 no longer failed when their turn came"


@pytest.mark.parametrize(("status", "error"), [(422, UserError), (401, ConfigurationError)])
async def test_a_refusal_that_concerns_all_ends_the_replay(status: int, error: type[AnswerloopError]) -> None:
    with pytest.raises(error, match=str(status)):
        await replayed(failures(10), FakeApi(lambda _: httpx.Response(status, json={"detail": "no such model"})))


def test_a_batch_is_bounded() -> None:
    assert sending.BATCH <= 500
