"""The simulator over a real socket, as the client of either API meets it."""

from datetime import UTC, datetime

import httpx
import pytest

from streaming.model.ollama import Ollama
from streaming.model.openai import OpenAI
from streaming.model.outcome import outcome_of
from streaming.model.server import Sampling, Success, is_simulated
from streaming.settings import Settings
from streaming.simulator.app import running
from streaming.simulator.faults import Fault, Faults
from tests.unit.simulator.test_app import REFERENCE, app, in_process

MODEL = "llama3.2:1b"


async def meant(server, model=MODEL, question_text="Why is the sky blue?"):
    async with server:
        return outcome_of(await server.generate(model, question_text, 0), datetime.now(UTC), requested_other_model=False)


async def outcomes(faults, model=MODEL):
    """What the same asking means over either API."""
    found = []
    for kind in (Ollama, OpenAI):
        async with running(app(faults)) as url:
            found.append(await meant(kind(url, Sampling(64, 0.0), 5.0, 4), model))
    return found


async def test_it_answers_alike_over_either_api_and_says_that_it_is_simulated():
    over_ollama, over_openai = await outcomes(Faults())
    assert isinstance(over_openai, Success)
    assert over_openai.text == over_ollama.text != REFERENCE
    assert over_openai.model == over_ollama.model == f"{MODEL} (simulated)"
    assert (over_openai.tokens, over_openai.prompt_tokens) == (over_ollama.tokens, over_ollama.prompt_tokens)


@pytest.mark.parametrize("fault", [fault for fault in Fault if fault is not Fault.HANG])
async def test_each_fault_means_the_same_over_either_api(fault):
    over_ollama, over_openai = await outcomes(Faults(**{fault: 1}, retry_after_min_s=2, retry_after_max_s=2))
    assert type(over_openai) is type(over_ollama)
    for name in ("kind", "busy", "cause", "own_fault"):
        assert getattr(over_openai, name, None) == getattr(over_ollama, name, None)
    waits = [getattr(each, "retry_after_s", None) for each in (over_ollama, over_openai)]
    assert waits[1] == (waits[0] if waits[0] is None else pytest.approx(waits[0], abs=1.5))


async def test_while_down_it_is_away_over_either_api():
    over_ollama, over_openai = await outcomes(Faults(down=True))
    assert type(over_openai) is type(over_ollama)


async def test_an_unknown_model_is_missing_over_either_api():
    over_ollama, over_openai = await outcomes(Faults(), "nope")
    assert type(over_openai) is type(over_ollama)
    assert "model 'nope' not found" in over_openai.message


async def test_max_tokens_cuts_an_answer():
    async with running(app()) as url:
        found = await meant(OpenAI(url, Sampling(4, 0.0), 5.0, 4))
    assert (found.text, found.truncated) == ("Air scatters blue", True)


async def test_it_lists_its_models_and_greets_as_the_simulator():
    async with running(app()) as url, OpenAI.configured(Settings(model_url=f"{url}/v1")) as server:
        assert await server.models(5.0) == {MODEL, "llama3.2:3b"}
        assert is_simulated(await server.greeting(5.0))


async def test_an_error_is_spelled_as_openai_does():
    async with in_process(app(Faults(quota_429=1))) as client:
        reply = await client.post("/v1/chat/completions", json={"model": MODEL, "messages": [{"role": "user", "content": "Why?"}]})
    assert reply.status_code == httpx.codes.TOO_MANY_REQUESTS
    error = reply.json()["error"]
    assert (error["type"], error["code"], error["param"]) == ("insufficient_quota", "insufficient_quota", None)
    assert "usage limit" in error["message"]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{",
        b"{}",
        b'{"model":"x"}',
        b'{"model":"x","messages":[{}],"max_tokens":0}',
        b'{"model":"x","messages":[{}],"stream":true}',
    ],
)
async def test_a_bad_request_is_refused(body):
    async with in_process(app()) as client:
        reply = await client.post("/v1/chat/completions", content=body)
    assert reply.status_code == httpx.codes.BAD_REQUEST
    assert reply.json()["error"]["type"] == "invalid_request_error"
