"""What servers that speak OpenAI's API send, and what follows from it."""

import json
from datetime import UTC, datetime

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streaming.contracts import CONTENT_FILTERED, MODEL_MISSING, PROMPT_TOO_LONG, REFUSED_BY_MODEL
from streaming.errors import Unreachable
from streaming.model.http import MAX_REPLY_BYTES, Received
from streaming.model.openai import OpenAI, reply_of
from streaming.model.outcome import BROKEN_REPLY, Outcome, Overloaded, QuotaReached, Refused, Unavailable, outcome_of
from streaming.model.server import Reply, Success
from streaming.settings import Settings
from tests.unit.model import openai_replies as replies
from tests.unit.model.network import Network

ADDRESS = "http://model.example:8000"
NOW = datetime(2026, 11, 23, 12, 0, 0, tzinfo=UTC)


def outcome(status: int, body: object, headers: dict[str, str] | None = None, other: bool = False, cut_off: bool = False) -> Outcome:
    encoded = body if isinstance(body, bytes) else json.dumps(body).encode()
    return outcome_of(reply_of(ADDRESS, Received(status, headers or {}, encoded, cut_off)), NOW, requested_other_model=other)


def server(served: replies.Served, **settings: object) -> OpenAI:
    return OpenAI.configured(Settings(model_url=f"{ADDRESS}/v1", **settings), Network(served))  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", replies.ANSWERS)
def test_a_whole_answer_is_a_success_with_its_counts(kind: str) -> None:
    found = outcome(200, replies.ANSWERS[kind])
    assert found == Success(replies.ANSWER, str(replies.ANSWERS[kind]["model"]), False, 5, 21, None, None)


def test_an_answer_cut_by_its_length_is_a_truncated_success() -> None:
    found = outcome(200, replies.CUT)
    assert isinstance(found, Success)
    assert found.truncated


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (replies.EMPTY, "the reply is empty"),
        (replies.ONLY_REASONING, "the reply is empty but for its reasoning"),
        (replies.UNFINISHED, "the reply is not done"),
        (b"{", "no JSON object"),
        ({"choices": []}, "not done"),
        ({"choices": [None], "error": {"message": "upstream broke"}}, "upstream broke"),
        ({"choices": [{"message": "x", "finish_reason": "stop"}]}, "empty"),
        (b"x" * (MAX_REPLY_BYTES + 1), "larger than"),
    ],
)
def test_a_broken_answer_is_an_overload_that_says_nothing_about_load(body: object, says: str) -> None:
    found = outcome(200, body)
    assert isinstance(found, Overloaded)
    assert (found.kind, found.busy) == (BROKEN_REPLY, False)
    assert says in found.message


def test_a_connection_lost_in_mid_reply_is_an_overload_even_if_the_body_looks_whole() -> None:
    assert isinstance(outcome(200, replies.ANSWERS["vllm"], cut_off=True), Overloaded)


def test_a_rate_limit_is_an_overload_though_its_sentence_speaks_of_a_quota() -> None:
    found = outcome(429, replies.RATE_LIMIT)
    assert isinstance(found, Overloaded)
    assert (found.kind, found.busy, found.retry_after_s) == ("http_429", True, None)


@pytest.mark.parametrize(("status", "body"), [(429, replies.NO_QUOTA), (400, replies.BUDGET)], ids=["openai", "litellm"])
def test_a_quota_that_is_used_up_is_a_quota_though_its_sentence_names_none(status: int, body: object) -> None:
    assert isinstance(outcome(status, body), QuotaReached)


def test_a_server_that_is_loading_its_model_is_busy() -> None:
    assert isinstance(outcome(503, replies.LOADING), Overloaded)


@pytest.mark.parametrize("kind", replies.TOO_LONG)
def test_a_prompt_that_is_too_long_is_the_questions_fault_with_a_cause_of_its_own(kind: str) -> None:
    found = outcome(400, replies.TOO_LONG[kind])
    assert isinstance(found, Refused)
    assert found.cause == PROMPT_TOO_LONG


@pytest.mark.parametrize("kind", replies.MISSING)
def test_a_missing_model_is_the_questions_fault_only_where_the_question_named_it(kind: str) -> None:
    named, configured = (outcome(*replies.MISSING[kind], other=other) for other in (True, False))
    assert isinstance(named, Refused)
    assert named.cause == MODEL_MISSING
    assert isinstance(configured, Unavailable)
    assert configured.own_fault is None
    assert "set ANSWERLOOP_MODEL" in configured.message


@pytest.mark.parametrize(("status", "body"), [(200, replies.FILTERED), *((400, body) for body in replies.POLICY.values())])
def test_what_a_content_filter_stops_fails_with_a_cause_of_its_own(status: int, body: object) -> None:
    found = outcome(status, body)
    assert isinstance(found, Refused)
    assert found.cause == CONTENT_FILTERED


def test_a_parameter_that_the_server_does_not_take_is_refused_in_its_words() -> None:
    found = outcome(400, replies.UNSUPPORTED)
    assert found == Refused(REFUSED_BY_MODEL, "400 Bad Request: Unsupported parameter: 'max_tokens'")


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "7", "x-ratelimit-reset-requests": "20s"}, 7.0),
        ({"x-ratelimit-reset-requests": "1s", "x-ratelimit-reset-tokens": "1m30.5s"}, 90.5),
        ({"x-ratelimit-reset-tokens": "20ms"}, 0.02),
        ({"x-ratelimit-reset-tokens": "1h0m0s"}, 300.0),
        ({"x-ratelimit-reset-requests": "12"}, 12.0),
        ({"retry-after": "soon", "x-ratelimit-reset-requests": "3s"}, 3.0),
        ({"x-ratelimit-reset-requests": "tomorrow"}, None),
        ({"x-ratelimit-reset-requests": ""}, None),
    ],
)
def test_an_overload_waits_for_what_the_headers_say_up_to_300_s(headers: dict[str, str], seconds: float | None) -> None:
    found = outcome(429, replies.RATE_LIMIT, headers)
    assert isinstance(found, Overloaded)
    assert found.retry_after_s == seconds


def test_a_quota_waits_for_its_reset_up_to_an_hour() -> None:
    found = outcome(429, replies.NO_QUOTA, {"x-ratelimit-reset-requests": "5h"})
    assert isinstance(found, QuotaReached)
    assert found.retry_after_s == 3600.0


async def test_the_request_is_explicit_and_holds_the_question_alone() -> None:
    served = replies.Served("vllm")
    async with server(served, model_num_predict=77, model_temperature=0.5) as model:
        await model.generate("m", "Why?\nReally?", 0)
        await model.generate("m", "Why?\nReally?", 1)
        await model.probe("m")
    first, again, probe = (json.loads(request.content) for request in served.seen)
    assert served.asked == ["/v1/chat/completions"] * 3
    assert [each["role"] for each in first["messages"]] == ["system", "user"]
    assert first["messages"][1]["content"] == "Why?\nReally?"
    assert (first["model"], first["stream"], first["max_tokens"], first["temperature"]) == ("m", False, 77, 0.5)
    assert first["seed"] != again["seed"]
    assert set(first) == {"model", "messages", "stream", "max_tokens", "temperature", "seed"}
    assert probe["max_tokens"] == 1


async def test_the_key_is_sent_as_a_bearer_token_and_not_repeated_where_the_server_quotes_it() -> None:
    served = replies.Served("openai")
    served.paths["/v1/chat/completions"] = served.paths["/v1/models"] = httpx.Response(401, json=replies.WRONG_KEY)
    async with server(served, model_key="sk-SECRET") as model:
        reply = await model.generate("m", "Why?", 0)
        with pytest.raises(Unreachable) as caught:
            await model.models(1.0)
    assert [request.headers["authorization"] for request in served.seen] == ["Bearer sk-SECRET"] * 2
    assert isinstance(reply, Reply)
    assert reply.says == "Incorrect API key provided: (key)."
    assert "SECRET" not in str(caught.value)


async def test_an_answer_may_hold_the_word_that_is_the_key() -> None:
    async with server(replies.Served("openai"), model_key="scattering") as model:
        reply = await model.generate("m", "Why?", 0)
    assert isinstance(reply, Reply)
    assert reply.answer is not None
    assert reply.answer.text == replies.ANSWER


async def test_without_a_key_none_is_sent() -> None:
    served = replies.Served("openai")
    async with server(served) as model:
        await model.generate("m", "Why?", 0)
    assert "authorization" not in served.seen[0].headers


@pytest.mark.parametrize(
    ("kind", "models", "greeting", "version"),
    [
        ("vllm", {"Qwen/Qwen3-8B"}, "vllm", "0.11.0"),
        ("openai", {"gpt-4o-mini"}, "system", "not told"),
        ("ollama", {"tiny:latest"}, "library", "not told"),
        ("llama.cpp", {"mine"}, "llamacpp", "not told"),
    ],
)
async def test_it_is_asked_for_its_models_and_what_it_is(kind: str, models: set[str], greeting: str, version: str) -> None:
    async with server(replies.Served(kind)) as model:
        assert await model.models(1.0) == models
        assert await model.greeting(1.0) == greeting
        assert await model.version(1.0) == version


@pytest.mark.parametrize("said", [httpx.Response(500), httpx.Response(200, text="no"), httpx.Response(200, json={"data": [1]})])
async def test_who_lists_no_models_is_not_well(said: httpx.Response) -> None:
    served = replies.Served("openai")
    served.paths["/v1/models"] = said
    async with server(served) as model:
        for asked in (model.models, model.greeting, model.version):
            with pytest.raises(Unreachable):
                await asked(1.0)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(["message", "content", "finish_reason", "code", "type"]), inner),
    max_leaves=8,
)
BODIES = st.binary(max_size=300) | st.fixed_dictionaries(
    {}, optional=dict.fromkeys(("choices", "usage", "model", "error", "object", "message"), JSON)
)


@given(st.integers(-1, 1000), st.none() | st.text(), BODIES, st.booleans(), st.booleans())
def test_every_reply_has_exactly_one_outcome_that_the_loop_can_carry(
    status: int, reset: str | None, body: object, cut_off: bool, other: bool
) -> None:
    found = outcome(status, body, {"x-ratelimit-reset-tokens": reset} if reset is not None else {}, other, cut_off)
    assert isinstance(found, Success | Overloaded | QuotaReached | Refused | Unavailable)
    if not isinstance(found, Success):
        found.message.encode()
        assert "\0" not in found.message
