"""The model step asks a server that speaks OpenAI's API, and reports what its replies mean."""

import json

import httpx
import pytest

from streaming import topics
from streaming.model.openai import OpenAI
from streaming.settings import Settings
from tests.unit.llm.loop import Harness, question
from tests.unit.model import openai_replies as replies
from tests.unit.model.network import Network


class Scripted:
    """Answers each question with what is scripted for its text, and a probe with an answer."""

    def __init__(self, scripted: dict[str, httpx.Response]) -> None:
        self.scripted = scripted

    def __call__(self, request: httpx.Request) -> httpx.Response:
        said = json.loads(request.content)["messages"][-1]["content"]
        return self.scripted.get(said, httpx.Response(200, json=replies.ANSWERS["vllm"]))


def harness(scripted: dict[str, httpx.Response]) -> Harness:
    return Harness(model=OpenAI.configured(Settings(model_url="http://model/v1"), Network(Scripted(scripted))))


@pytest.mark.parametrize("kind", replies.ANSWERS)
async def test_an_answer_goes_on_with_its_tokens(kind: str) -> None:
    async with harness({"Why?": httpx.Response(200, json=replies.ANSWERS[kind])}) as loop:
        await loop.ask(question("Why?"))
        [response] = await loop.arrived(topics.SUCCESS)
    assert (response.llm_response, response.tokens, response.prompt_tokens) == (replies.ANSWER, 5, 21)


async def test_what_was_busy_or_broken_is_an_overload_and_a_used_up_quota_a_quota() -> None:
    scripted = {
        "busy": httpx.Response(429, json=replies.RATE_LIMIT, headers={"X-RateLimit-Reset-Tokens": "6.5s"}),
        "empty": httpx.Response(200, json=replies.ONLY_REASONING),
        "quota": httpx.Response(429, json=replies.NO_QUOTA, headers={"Retry-After": "30"}),
    }
    async with harness(scripted) as loop:
        await loop.ask(*(question(text) for text in scripted))
        overloads = {each.question_text: each for each in await loop.arrived(topics.OVERLOAD, 2)}
        [quota] = await loop.arrived(topics.QUOTA)
    assert (overloads["busy"].error_kind, overloads["busy"].retry_after_seconds) == ("http_429", 6.5)
    assert overloads["empty"].error_kind == "broken_reply"
    assert (quota.question_text, quota.retry_after_seconds) == ("quota", 30.0)


async def test_what_is_the_questions_own_fault_fails_with_its_cause() -> None:
    scripted = {
        "long": httpx.Response(400, json=replies.TOO_LONG["vllm"]),
        "filtered": httpx.Response(200, json=replies.FILTERED),
        "refused": httpx.Response(400, json=replies.UNSUPPORTED),
        "nope": httpx.Response(*replies.MISSING["vllm"][:1], json=replies.MISSING["vllm"][1]),
    }
    async with harness(scripted) as loop:
        await loop.ask(*(question(text, requested_model="nope" if text == "nope" else None) for text in scripted))
        causes = {each.question_text: each.error_type for each in await loop.arrived(topics.FATAL, 4)}
    assert causes == {
        "long": "prompt_too_long",
        "filtered": "content_filtered",
        "refused": "refused_by_model",
        "nope": "model_missing",
    }


@pytest.mark.parametrize("reply", [replies.MISSING["openai"], (401, replies.WRONG_KEY)], ids=["missing", "key"])
async def test_a_missing_configured_model_or_a_wrong_key_closes_the_gate_and_charges_nobody(reply: tuple[int, object]) -> None:
    closed = httpx.Response(reply[0], json=reply[1])
    async with harness({"Why?": closed, "ping": closed}) as loop:
        await loop.ask(question("Why?"))
        await loop.until(lambda: loop.step.problems(), "the gate is closed")
    assert not [topic for topic in (topics.OVERLOAD, topics.QUOTA, topics.FATAL) if loop.sent(topic)]
