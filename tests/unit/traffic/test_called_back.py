"""A generator that the API calls back, over a real socket."""

import asyncio
import base64
import json
import signal
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
import numpy as np
import pytest
from pydantic import SecretStr

from streaming.clock import SystemClock
from streaming.errors import ConfigurationError, UserError
from streaming.identity import question_id
from streaming.settings import Settings
from streaming.storage.webhook import signed_headers
from streaming.traffic import ends
from streaming.traffic.api import QuestionApi, Reply
from streaming.traffic.ends import CalledBack
from streaming.traffic.generator import Generator
from streaming.traffic.plan import Results, TrafficPlan
from streaming.traffic.progress import Progress
from streaming.traffic.receiver import callback_key, receiving
from streaming.traffic.records import Request
from streaming.traffic.run import learning
from tests.unit.traffic.fake_api import FakeApi
from tests.unit.traffic.test_generator import ListFeed, Recorded

CLOCK = SystemClock()
KEY = bytes(range(32))
SECRET = SecretStr("whsec_" + base64.b64encode(KEY).decode())
SETTINGS = Settings(api_url="http://127.0.0.1:8000", callback_secret=SECRET)
ONE = question_id("run-1", "one")


class World:
    """A generator that is called back, and an API in memory that calls nobody by itself."""

    def __init__(self, fake: FakeApi, api: QuestionApi, learnt: CalledBack) -> None:
        self.fake, self.api, self.learnt = fake, api, learnt
        self.recorded = Recorded()

    def send(self, *texts: str, earlier: dict[int, Request] | None = None) -> asyncio.Task[None]:
        plan = TrafficPlan(dataset="d", patience_s=5, resolve_timeout_s=20, results=Results.CALLBACK)
        progress = Progress(len(texts), CLOCK)
        generator = Generator(plan, "run-1", self.api, self.learnt, self.recorded, progress, CLOCK, earlier or {})  # type: ignore[arg-type]
        return asyncio.create_task(generator.open_loop(ListFeed(dict(enumerate(texts))), np.zeros(len(texts))))  # type: ignore[arg-type]

    async def pending(self, count: int = 1) -> None:
        async with asyncio.timeout(20):
            while sum(each.first_status == "pending" for each in self.recorded.requests.values()) < count:
                await asyncio.sleep(0.001)

    async def call_back(self, id: UUID, key: bytes = KEY, late_s: float = 0, **content: Any) -> int:
        """The status that the generator answers the API with."""
        data = {"status": "found", "question_id": str(id), "source": "database", **content}
        body = json.dumps({"type": "question.answered", "data": data}).encode()
        headers = signed_headers(key, str(uuid4()), CLOCK.now() - timedelta(seconds=late_s), body)
        assert self.learnt.callback_url is not None
        async with httpx.AsyncClient(trust_env=False, timeout=20) as client:
            return (await client.post(self.learnt.callback_url, content=body, headers=headers)).status_code


@pytest.fixture
async def world() -> AsyncIterator[World]:
    fake = FakeApi()
    async with QuestionApi("http://api", None, CLOCK, fake) as api, learning(Results.CALLBACK, api, SETTINGS, CLOCK) as learnt:
        assert isinstance(learnt, CalledBack)
        yield World(fake, api, learnt)


async def test_a_question_ends_when_the_api_calls_back_and_is_never_polled(world: World) -> None:
    sending = world.send("one", "two", "one")
    await world.pending(3)
    assert {each["callback_url"] for each in world.fake.asked} == {world.learnt.callback_url}
    resolved_at = CLOCK.now()
    assert await world.call_back(ONE, resolved_at=resolved_at.isoformat()) == 204
    failure = {"cause": "model_missing", "message": "gone", "retry_count": 0}
    assert await world.call_back(question_id("run-1", "two"), status="error", error=failure) == 204
    await sending
    one, two, again = (world.recorded.requests[number] for number in range(3))
    assert one.final_status == again.final_status == "answered"
    assert one.resolved_at == max(resolved_at, one.sent_at or resolved_at)
    assert (two.final_status, two.error) == ("failed", "model_missing: gone")
    assert not world.fake.polls


async def test_a_callback_that_is_repeated_or_for_nobody_changes_nothing(world: World) -> None:
    sending = world.send("one")
    await world.pending()
    assert [await world.call_back(ONE) for _ in range(2)] == [204, 204]
    await sending
    assert await world.call_back(ONE, status="error", error={"cause": "late", "message": "late", "retry_count": 1}) == 204
    assert world.recorded.requests[0].final_status == "answered"


async def test_a_forged_stale_or_unreadable_callback_ends_nothing(world: World) -> None:
    sending = world.send("one")
    await world.pending()
    assert await world.call_back(ONE, key=bytes(32)) == 401
    assert await world.call_back(ONE, late_s=3600) == 401
    assert await world.call_back(ONE, status="strange") == 422
    assert await world.call_back(ONE, answer="x" * (5 * 1024 * 1024)) == 413
    assert not sending.done()
    assert await world.call_back(ONE) == 204
    await sending


async def test_an_end_that_is_told_before_the_api_has_replied_is_not_lost(world: World) -> None:
    with world.learnt.expected(ONE):
        assert await world.call_back(ONE) == 204
        assert await world.learnt.end_of(ONE) == Reply("found", ONE, "database")


async def test_what_is_not_called_back_is_looked_at_until_it_has_ended(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ends, "FIRST_LOOK_S", 0.01)
    sending = world.send("one")
    await world.pending()
    await world.fake.answer(ONE)
    await sending
    assert world.recorded.requests[0].final_status == "answered"
    assert world.fake.polls[ONE] == 1


async def test_what_an_earlier_try_sent_is_polled_for_nobody_calls_this_one_back_for_it(world: World) -> None:
    await world.api.ask({"question_text": "one", "answer_set": "run-1"}, 5)
    sending = world.send("one", earlier={0: Request(0, CLOCK.now(), ONE, CLOCK.now(), CLOCK.now(), first_status="pending")})
    async with asyncio.timeout(20):
        while not world.fake.polls:
            await asyncio.sleep(0.001)
    await world.fake.answer(ONE)
    await sending
    assert world.recorded.requests[0].final_status == "answered"


async def test_an_api_that_calls_nobody_back_stops_the_run_at_once(world: World) -> None:
    said = {"detail": [{"loc": ["body", "callback_url"], "msg": "callbacks are off", "type": "forbidden_callback"}]}
    world.fake.troubles.append(httpx.Response(422, json=said, request=httpx.Request("POST", "http://api/questions")))
    with pytest.raises(ExceptionGroup) as stopped:
        await world.send("one")
    (error,) = stopped.value.exceptions
    assert isinstance(error, ConfigurationError)
    assert "callbacks are off" in str(error)
    assert "ANSWERLOOP_CALLBACK_HOSTS=127.0.0.1" in str(error)


async def test_a_receiver_leaves_signals_to_the_run_and_its_port_to_others() -> None:
    before = signal.getsignal(signal.SIGTERM)
    async with receiving(KEY, CLOCK, lambda reply: None) as url, httpx.AsyncClient(trust_env=False) as client:
        assert (await client.get(url)).status_code == 405
        assert signal.getsignal(signal.SIGTERM) is before
    with pytest.raises(httpx.ConnectError):
        async with httpx.AsyncClient(trust_env=False) as client:
            await client.get(url)


@pytest.mark.parametrize(
    ("changed", "error", "told"),
    [
        ({"api_url": "http://api.example.org:8000"}, UserError, "on the API's machine"),
        ({"api_url": "http://10.0.0.7:8000"}, UserError, "on the API's machine"),
        ({"callback_secret": None}, ConfigurationError, "ANSWERLOOP_CALLBACK_SECRET"),
        ({"callback_secret": SecretStr("short")}, ConfigurationError, "24 to 64 random bytes"),
    ],
)
def test_what_cannot_be_called_back_is_told_before_anything_is_sent(changed: dict[str, object], error: type[Exception], told: str) -> None:
    with pytest.raises(error, match=told):
        callback_key(SETTINGS.model_copy(update=changed))


def test_a_generator_on_the_apis_machine_may_be_called_back() -> None:
    for host in ("127.0.0.1", "localhost", "[::1]"):
        assert callback_key(SETTINGS.model_copy(update={"api_url": f"http://{host}:8000"})) == KEY
