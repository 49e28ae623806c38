"""A question that is refused whenever it is asked, though the model answers others, fails alone instead of circling for ever."""

import asyncio

import pytest

from streaming import topics
from streaming.contracts import MODEL_FORBIDDEN, NO_MODEL_REPLY, REFUSED_BY_MODEL
from streaming.model.http import Received
from streaming.model.ollama import reply_of
from tests.unit.llm.loop import ADDRESS, REFUSED, RESET, Harness, answer, error, question

SIGN_IN = reply_of(ADDRESS, Received(200, {"content-type": "text/html"}, b"<html>Sign in"))
MOVED = error(308, location="https://elsewhere.example/login")
NEIGHBOURS = [f"neighbour {number}" for number in range(6)]


async def pass_time(harness, seconds, ended=lambda: False):
    """So many seconds of the step's clock, or until the state is reached."""
    for _ in range(seconds):
        await harness.clock.advance(1)
        for _ in range(5):
            await asyncio.sleep(0.002)
        if ended():
            return


def asked(harness):
    return [text for _, text, _ in harness.model.asked]


@pytest.mark.parametrize(
    ("refusal", "requested", "cause"),
    [
        (error(401, "who are you"), "other", MODEL_FORBIDDEN),
        (error(403, "not for you"), "other", MODEL_FORBIDDEN),
        (error(403, "this prompt is not allowed"), None, REFUSED_BY_MODEL),
        (SIGN_IN, None, NO_MODEL_REPLY),
        (SIGN_IN, "other", NO_MODEL_REPLY),
        (MOVED, None, NO_MODEL_REPLY),
    ],
    ids=["401 other model", "403 other model", "403 question", "page", "page other model", "redirect"],
)
async def test_who_is_refused_again_alone_after_a_probe_fails_with_its_own_cause_and_nobody_else_is_charged(refusal, requested, cause):
    async with Harness() as harness:
        harness.model.replies["refused"] = [refusal]
        harness.model.free.clear()
        await harness.ask(*(question(text) for text in NEIGHBOURS), question("refused", requested_model=requested))
        await harness.until(lambda: harness.model.in_flight == 7, "all are under way")
        harness.model.free.set()
        await pass_time(harness, 20, lambda: harness.sent(topics.FATAL))
        [fatal] = harness.sent(topics.FATAL)
        responses = await harness.arrived(topics.SUCCESS, len(NEIGHBOURS))
        await harness.until(lambda: harness.step.ready() and harness.loop.in_flight == 0, "questions go on without another probe")
        assert harness.step.problems() == {}
    assert (fatal.question_text, fatal.error_type) == ("refused", cause)
    assert ADDRESS in fatal.error_message
    assert asked(harness).count("refused") == 2
    assert len(responses) == len(NEIGHBOURS)
    assert not harness.sent(topics.OVERLOAD)
    assert harness.committed() == 7


@pytest.mark.parametrize(
    ("refusal", "words"),
    [(SIGN_IN, [ADDRESS, "200 OK", "web page", "Sign in"]), (MOVED, [ADDRESS, "308", "https://elsewhere.example/login"])],
    ids=["web page", "redirect"],
)
async def test_the_reason_names_the_address_and_what_answered(refusal, words):
    async with Harness() as harness:
        harness.model.replies["refused"] = [refusal]
        await harness.ask(question("refused"))
        await harness.until(lambda: not harness.step.ready(), "the gate closes")
        assert all(word in harness.step.problems()["model"] for word in words)
        await pass_time(harness, 5, lambda: harness.sent(topics.FATAL))
        [fatal] = harness.sent(topics.FATAL)
    assert all(word in fatal.error_message for word in words)


async def test_a_crowd_that_asks_for_a_forbidden_model_fails_and_the_others_are_answered():
    forbidden = [f"forbidden {number}" for number in range(12)]
    async with Harness(limit=4, most=4) as harness:
        for text in forbidden:
            harness.model.replies[text] = [error(403, "not for you")]
        await harness.ask(*(question(text, requested_model="other") for text in forbidden), *(question(text) for text in NEIGHBOURS))
        await pass_time(harness, 60, lambda: len(harness.sent(topics.FATAL)) == 12 and len(harness.sent(topics.SUCCESS)) == 6)
    assert sorted(fatal.question_text for fatal in harness.sent(topics.FATAL)) == sorted(forbidden)
    assert {fatal.error_type for fatal in harness.sent(topics.FATAL)} == {MODEL_FORBIDDEN}
    assert len(harness.sent(topics.SUCCESS)) == 6
    assert all(asked(harness).count(text) == 2 for text in forbidden)


@pytest.mark.parametrize("away", [REFUSED, error(404, "model 'configured' not found")], ids=["refused", "missing"])
async def test_what_no_question_can_be_the_reason_of_charges_none_however_often_it_comes(away):
    async with Harness() as harness:
        harness.model.replies["unlucky"] = [away] * 10 + [answer("at last")]
        await harness.ask(question("unlucky"))
        await pass_time(harness, 40, lambda: harness.sent(topics.SUCCESS))
    assert asked(harness).count("unlucky") == 11
    assert not harness.sent(topics.FATAL)


async def test_refusals_of_two_kinds_are_no_repetition_of_each_other():
    """A server that is started again resets its calls, and its proxy asks for a login until it is there."""
    async with Harness() as harness:
        harness.model.replies["unlucky"] = [RESET, error(401), answer("at last")]
        await harness.ask(question("unlucky"))
        await pass_time(harness, 20, lambda: harness.sent(topics.SUCCESS))
    assert [response.llm_response for response in harness.sent(topics.SUCCESS)] == ["at last"]
    assert not harness.sent(topics.FATAL)
    assert not harness.sent(topics.OVERLOAD)
