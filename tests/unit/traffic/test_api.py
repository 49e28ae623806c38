"""Asking over HTTP: patience with an API that is away or busy, and one poll for all who wait for a question."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import httpx
import pytest

from streaming.clock import ManualClock
from streaming.errors import ConfigurationError, Unreachable, UserError
from streaming.identity import question_id
from streaming.traffic.api import NotTaken, QuestionApi, Reply
from tests.unit.traffic.fake_api import FakeApi

QUESTION: dict[str, str | None] = {"question_text": "Why?", "answer_set": "s", "original_answer": None, "run_id": "r", "model": None}
KEY = question_id("s", "Why?")


@pytest.fixture
def fake() -> FakeApi:
    return FakeApi()


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(datetime(2026, 1, 1, tzinfo=UTC))


@pytest.fixture
async def api(fake: FakeApi, clock: ManualClock) -> AsyncIterator[QuestionApi]:
    async with QuestionApi("http://api", "secret", clock, fake) as opened:
        yield opened


async def settle() -> None:
    for _ in range(50):
        await asyncio.sleep(0)


async def test_a_new_question_is_pending_and_missing_fields_are_not_sent(api: QuestionApi, fake: FakeApi) -> None:
    assert await api.ask(QUESTION, 5) == Reply("pending", KEY)
    assert fake.asked == [{"question_text": "Why?", "answer_set": "s", "run_id": "r"}]


async def test_an_answered_question_is_found(api: QuestionApi, fake: FakeApi) -> None:
    fake.bodies[KEY] = {"status": "found", "question_id": str(KEY), "source": "cache", "answer": "because"}
    assert await api.ask(QUESTION, 5) == Reply("found", KEY, "cache")


async def test_a_failed_question_says_why(api: QuestionApi, fake: FakeApi) -> None:
    await fake.fail(KEY)
    assert await api.ask(QUESTION, 5) == Reply("error", KEY, None, "overload_exhausted: busy")


async def test_a_503_is_tried_again_after_its_retry_after(api: QuestionApi, fake: FakeApi, clock: ManualClock) -> None:
    fake.troubles.append(httpx.Response(503, headers={"Retry-After": "7"}))
    asked = asyncio.create_task(api.ask(QUESTION, 60))
    await settle()
    await clock.advance(6.9)
    assert len(fake.asked) == 1
    await clock.advance(0.2)
    assert (await asked).status == "pending"
    assert len(fake.asked) == 2


async def test_a_retry_after_may_be_a_date(api: QuestionApi, fake: FakeApi, clock: ManualClock) -> None:
    dates = {"Date": "Thu, 01 Jan 2026 00:00:00 GMT", "Retry-After": "Thu, 01 Jan 2026 00:00:04 GMT"}
    fake.troubles.append(httpx.Response(503, headers=dates))
    asked = asyncio.create_task(api.ask(QUESTION, 60))
    await settle()
    await clock.advance(3.9)
    assert len(fake.asked) == 1
    await clock.advance(0.2)
    await asked


async def test_a_retry_after_past_the_patience_is_not_waited_for(api: QuestionApi, fake: FakeApi) -> None:
    fake.troubles.append(httpx.Response(503, headers={"Retry-After": "100"}, text="too much"))
    with pytest.raises(NotTaken, match=r"not taken within 60 s: the API answers 503: too much"):
        await api.ask(QUESTION, 60)


async def test_an_api_that_is_away_is_tried_until_the_patience_ends(api: QuestionApi, fake: FakeApi, clock: ManualClock) -> None:
    fake.troubles.extend(httpx.ConnectError("refused") for _ in range(100))
    asked = asyncio.create_task(api.ask(QUESTION, 20))
    for _ in range(100):
        await settle()
        await clock.advance(0.25)
    with pytest.raises(NotTaken, match="does not answer"):
        await asked
    assert 6 <= len(fake.asked) <= 12


async def test_an_api_that_comes_back_takes_the_question(api: QuestionApi, fake: FakeApi, clock: ManualClock) -> None:
    fake.troubles.extend([httpx.ConnectError("refused"), httpx.ReadError("reset"), httpx.Response(500)])
    asked = asyncio.create_task(api.ask(QUESTION, 60))
    for _ in range(20):
        await settle()
        await clock.advance(0.25)
    assert (await asked).status == "pending"


async def test_a_question_that_is_refused_is_not_tried_again(api: QuestionApi, fake: FakeApi) -> None:
    fake.troubles.append(httpx.Response(422, text="question_text: too long"))
    with pytest.raises(NotTaken, match="422: question_text: too long"):
        await api.ask(QUESTION, 60)
    assert len(fake.asked) == 1


async def test_a_refused_token_stops_everything(api: QuestionApi, fake: FakeApi) -> None:
    fake.troubles.append(httpx.Response(401))
    with pytest.raises(ConfigurationError, match="ANSWERLOOP_API_TOKEN"):
        await api.ask(QUESTION, 60)


@pytest.mark.parametrize(
    "body", [{}, [], {"status": "found"}, {"status": "new", "question_id": str(KEY)}, {"status": "found", "question_id": 3}]
)
async def test_a_reply_that_is_none_is_an_error(api: QuestionApi, fake: FakeApi, body: object) -> None:
    fake.troubles.append(httpx.Response(200, json=body))
    with pytest.raises(UserError, match="versions match"):
        await api.ask(QUESTION, 60)


async def test_a_page_instead_of_json_is_an_error(api: QuestionApi, fake: FakeApi) -> None:
    fake.troubles.append(httpx.Response(200, text="<html>welcome</html>"))
    with pytest.raises(UserError, match="not JSON"):
        await api.ask(QUESTION, 60)


async def test_all_who_wait_for_a_question_share_one_poll(api: QuestionApi, fake: FakeApi) -> None:
    await api.ask(QUESTION, 5)
    waiting = [asyncio.create_task(api.resolved(KEY)) for _ in range(300)]
    await settle()
    assert fake.polls[KEY] == 1
    await fake.answer(KEY)
    assert {reply.status for reply in await asyncio.gather(*waiting)} == {"found"}
    assert fake.polls[KEY] == 1


async def test_hundreds_of_questions_are_polled_at_once(api: QuestionApi, fake: FakeApi) -> None:
    keys = [(await api.ask({**QUESTION, "question_text": f"Why {number}?"}, 5)).question_id for number in range(600)]
    waiting = [asyncio.create_task(api.resolved(key)) for key in keys]
    async with asyncio.timeout(10):
        while fake.most_polls_open < 600:
            await asyncio.sleep(0)
    await fake.answer_all()
    assert {reply.status for reply in await asyncio.gather(*waiting)} == {"found"}


async def test_one_waiter_leaving_does_not_disturb_the_others(api: QuestionApi, fake: FakeApi) -> None:
    await api.ask(QUESTION, 5)
    leaver, stayer = (asyncio.create_task(api.resolved(KEY)) for _ in range(2))
    await settle()
    leaver.cancel()
    await settle()
    await fake.answer(KEY)
    assert (await stayer).status == "found"
    assert leaver.cancelled()


async def test_a_question_that_is_unknown_is_not_waited_for(api: QuestionApi) -> None:
    with pytest.raises(NotTaken, match="404"):
        await api.resolved(KEY)


async def test_the_check_names_an_api_that_is_away(clock: ManualClock) -> None:
    def refuse(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused")

    async with QuestionApi("http://api", None, clock, httpx.MockTransport(refuse)) as away:
        with pytest.raises(Unreachable, match="http://api"):
            await away.check()
