import asyncio
import json
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import httpx
import pytest

from streaming.simulator.app import create_app, running
from streaming.simulator.faults import Faults, Quality
from streaming.simulator.model import Character

REFERENCE = "Air scatters blue light more than red light, because blue light travels in shorter waves."


class Known:
    """Knows one reference for every question but one."""

    async def reference(self, question_text):
        return None if question_text == "unknown" else REFERENCE


def app(faults=None, quality=None, slots=4, latency_s=0.0, spread=0.0, seed=1):
    return create_app(Character("llama3.2:1b", "llama3.2:3b", seed, slots, latency_s, spread), Known(), faults, quality)


@asynccontextmanager
async def in_process(application):
    transport = httpx.ASGITransport(application)
    async with httpx.AsyncClient(transport=transport, base_url="http://simulator") as client:
        yield client


@asynccontextmanager
async def on_a_socket(application):
    async with running(application) as url, httpx.AsyncClient(base_url=url, trust_env=False, timeout=10) as client:
        yield client


def ask(client, prompt="Why is the sky blue?", path="/api/generate", **fields):
    return client.post(path, json={"model": "llama3.2:1b", "prompt": prompt, "stream": False} | fields)


async def test_generate_answers_with_ollamas_fields_and_says_that_it_is_simulated():
    async with in_process(app(latency_s=0.01)) as client:
        reply = (await ask(client)).json()
    assert reply["model"] == "llama3.2:1b (simulated)"
    assert (reply["done"], reply["done_reason"]) == (True, "stop")
    assert "blue light" in reply["response"]
    assert reply["response"] != REFERENCE
    parts = reply["load_duration"] + reply["prompt_eval_duration"] + reply["eval_duration"]
    assert 0.01e9 <= parts <= reply["total_duration"]
    assert {"eval_count", "prompt_eval_count", "context", "created_at"} <= reply.keys()


async def test_a_model_of_a_registry_with_a_port_is_found_with_and_without_its_tag():
    """The port is no tag: what a request names and what the simulator has must be told apart alike."""
    character = Character("registry:5000/model", "other", 1, 4, 0.0, 0.0)
    async with in_process(create_app(character, Known())) as client:
        listed = (await client.get("/api/tags")).json()["models"]
        replies = [await ask(client, model=name) for name in ("registry:5000/model", "registry:5000/model:latest")]
    assert listed[0]["name"] == "registry:5000/model:latest"
    assert [reply.status_code for reply in replies] == [200, 200]


async def test_chat_answers_the_last_message():
    async with in_process(app()) as client:
        reply = await client.post(
            "/api/chat", json={"model": "llama3.2:1b", "stream": False, "messages": [{"role": "user", "content": "Why?"}]}
        )
    assert reply.json()["message"]["role"] == "assistant"
    assert "context" not in reply.json()


async def test_streaming_is_the_default_and_its_pieces_make_the_answer():
    async with in_process(app()) as client:
        whole = (await ask(client)).json()["response"]
    async with in_process(app()) as client:
        reply = await client.post("/api/generate", json={"model": "llama3.2:1b", "prompt": "Why is the sky blue?"})
    lines = [json.loads(line) for line in reply.text.splitlines()]
    assert reply.headers["content-type"] == "application/x-ndjson"
    assert [line["done"] for line in lines] == [False] * (len(lines) - 1) + [True]
    assert "".join(line["response"] for line in lines) == whole


async def test_num_predict_cuts_an_answer():
    async with in_process(app()) as client:
        reply = (await ask(client, options={"num_predict": 4})).json()
    assert (reply["response"], reply["done_reason"]) == ("Air scatters blue", "length")


async def test_an_empty_prompt_loads_the_model():
    async with in_process(app()) as client:
        reply = (await ask(client, prompt="")).json()
    assert (reply["response"], reply["done"], reply["done_reason"]) == ("", True, "load")
    assert "total_duration" not in reply


async def test_an_unknown_question_gets_an_answer_too():
    async with in_process(app()) as client:
        assert (await ask(client, prompt="unknown")).json()["response"].strip()


@pytest.mark.parametrize(
    ("path", "body", "status", "error"),
    [
        ("/api/generate", b'{"model":"x"}', 404, "model 'x' not found"),
        ("/api/generate", b"{}", 404, "model '' not found"),
        ("/api/chat", b"{}", 400, "model is required"),
        ("/api/generate", b'{"model":', 400, "unexpected EOF"),
        ("/api/generate", b"hello", 400, "invalid character 'h' looking for beginning of value"),
        ("/api/generate", b"", 400, "missing request body"),
        ("/api/generate", b'{"model":"llama3.2:1b","options":{"temperature":"hot"}}', 500, 'option "temperature" must be of type float32'),
    ],
)
async def test_bad_requests_are_refused_in_ollamas_words(path, body, status, error):
    async with in_process(app()) as client:
        reply = await client.post(path, content=body)
    assert (reply.status_code, reply.json()) == (status, {"error": error})


async def test_the_configured_model_and_another_are_there():
    async with in_process(app()) as client:
        names = [each["name"] for each in (await client.get("/api/tags")).json()["models"]]
        assert (await client.get("/api/version")).json() == {"version": "0.17.4"}
        assert (await client.get("/api/generate")).status_code == 405
        assert (await ask(client, model="llama3.2:3b")).json()["model"] == "llama3.2:3b (simulated)"
    assert names == ["llama3.2:1b", "llama3.2:3b"]


@pytest.mark.parametrize(
    ("fault", "status", "error", "retry_after"),
    [
        ("overload_503", 503, "server busy, please try again.  maximum pending requests exceeded", None),
        ("overload_429", 429, "too many requests", None),
        ("overload_429_seconds", 429, "too many requests", "2"),
        ("quota_402", 402, "payment required", "2"),
        ("quota_429", 429, "usage limit", "2"),
        ("quota_429_bare", 429, "usage limit", None),
        ("error_500", 500, "an error was encountered while running the model: unexpected EOF", None),
        ("refused_400", 400, "refused", None),
        ("model_missing", 404, "model 'llama3.2:1b' not found", None),
    ],
)
async def test_each_fault_has_its_status_body_and_retry_after(fault, status, error, retry_after):
    async with in_process(app(Faults(**{fault: 1}, retry_after_min_s=2, retry_after_max_s=2))) as client:
        reply = await ask(client)
        assert (await client.get("/simulator/stats")).json()["by_outcome"] == {fault: 1}
    assert reply.status_code == status
    assert error in reply.json()["error"]
    assert reply.headers.get("retry-after") == retry_after


async def test_a_retry_after_may_be_a_date_that_is_never_too_early():
    async with in_process(app(Faults(overload_429_date=1, retry_after_min_s=2, retry_after_max_s=2))) as client:
        before = datetime.now(UTC)
        date = parsedate_to_datetime((await ask(client)).headers["retry-after"])
    assert 2 <= (date - before).total_seconds() <= 4


async def test_broken_answers_are_not_done_or_empty():
    async with in_process(app(Faults(done_false=1))) as client:
        assert (await ask(client)).json()["done"] is False
    async with in_process(app(Faults(empty=1))) as client:
        assert (await ask(client)).json()["response"] == ""


async def test_a_truncated_reply_ends_in_the_middle_of_its_body():
    async with on_a_socket(app(Faults(truncated=1))) as client:
        with pytest.raises(httpx.RemoteProtocolError, match="complete message body"):
            await ask(client)


async def test_faults_are_switched_while_it_runs_and_bad_ones_refused():
    async with in_process(app()) as client:
        assert (await ask(client)).status_code == 200
        assert (await client.put("/simulator/faults", json={"overload_503": 1})).status_code == 200
        assert (await ask(client)).status_code == 503
        refused = await client.put("/simulator/faults", json={"overload_503": 2})
        assert refused.status_code == 422
        assert refused.json()["detail"][0]["loc"] == ["body", "overload_503"]
        assert (await client.get("/simulator/faults")).json()["overload_503"] == 1


async def test_while_down_connections_are_reset_and_so_is_what_is_under_way():
    async with on_a_socket(app(latency_s=60)) as client:
        under_way = asyncio.create_task(ask(client))
        async with asyncio.timeout(5):
            while (await client.get("/simulator/stats")).json()["slots_busy"] == 0:
                await asyncio.sleep(0.01)
        await client.put("/simulator/faults", json={"down": True})
        with pytest.raises(httpx.TransportError):
            await under_way
        with pytest.raises(httpx.TransportError):
            await ask(client)
        assert (await client.get("/simulator/stats")).json()["slots_busy"] == 0


async def test_slots_bound_what_is_worked_on_and_the_wait_shows_in_the_durations():
    async with in_process(app(slots=2, latency_s=0.1)) as client:
        replies = [reply.json() for reply in await asyncio.gather(*(ask(client, prompt=str(number)) for number in range(6)))]
        stats = (await client.get("/simulator/stats")).json()
    waits = sorted(
        reply["total_duration"] - reply["load_duration"] - reply["prompt_eval_duration"] - reply["eval_duration"] for reply in replies
    )
    assert stats["max_in_flight"] == 6
    assert waits[1] < 0.05e9
    assert waits[-1] > 0.19e9


async def test_a_bounded_queue_refuses_what_is_too_much():
    async with in_process(app(Faults(queue_limit=1), slots=1, latency_s=0.1)) as client:
        replies = await asyncio.gather(*(ask(client, prompt=str(number)) for number in range(4)))
    assert sorted(reply.status_code for reply in replies) == [200, 200, 503, 503]


@pytest.mark.parametrize("faults", [Faults(hang=1), Faults()])
async def test_a_client_that_leaves_frees_the_slot(faults):
    async with on_a_socket(app(faults, slots=1, latency_s=60)) as client:
        call = asyncio.create_task(ask(client))
        async with asyncio.timeout(5):
            while (await client.get("/simulator/stats")).json()["slots_busy"] == 0:
                await asyncio.sleep(0.01)
            call.cancel()
            while (stats := (await client.get("/simulator/stats")).json())["slots_busy"]:
                await asyncio.sleep(0.01)
    assert stats["by_outcome"] == {"client_left": 1}


async def test_a_run_repeats_whatever_the_order_of_its_calls():
    faults = Faults(overload_503=0.3, quota_402=0.2, repeat=0.3)
    quality = Quality(poor=0.3, middling=0.3, improves=0.5)
    prompts = [f"prompt {number}" for number in range(30)] * 3

    async def run(order):
        seen = {}
        async with in_process(app(faults, quality)) as client:
            for prompt in order:
                reply = await ask(client, prompt=prompt)
                seen.setdefault(prompt, []).append((reply.status_code, reply.json().get("response")))
        return seen

    assert await run(prompts) == await run(sorted(prompts))


async def test_after_a_reset_a_run_repeats_in_the_same_process():
    async with in_process(app(Faults(overload_503=0.5))) as client:
        first = [(await ask(client, prompt=str(number))).status_code for number in range(20)]
        await client.post("/simulator/reset")
        assert (await client.get("/simulator/stats")).json()["calls"] == 0
        assert [(await ask(client, prompt=str(number))).status_code for number in range(20)] == first
    assert {200, 503} == set(first)


async def test_calls_take_about_the_latency_asked_for_and_longer_answers_longer():
    application = app(latency_s=0.2, spread=0.35)
    model = application.state.model
    from streaming.simulator.protocol import Answer

    def median(words):
        times = sorted(model._latency_s(Answer(" ".join(["w"] * words), "stop", 3), str(number), 0) for number in range(400))
        return times[200]

    assert median(40) == pytest.approx(0.2, rel=0.15)
    assert median(400) > 1.5 * median(40) > 2 * median(4)
