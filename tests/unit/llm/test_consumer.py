import asyncio
import json
from datetime import timedelta
from uuid import uuid4

import pytest

from streaming import topics
from streaming.contracts import INVALID_MESSAGE, MODEL_MISSING, REFUSED_BY_MODEL, BestAttempt, Retries, encode
from streaming.kafka.client import Record
from streaming.model.http import Received
from streaming.model.ollama import reply_of
from streaming.model.outcome import Unavailable, outcome_of
from streaming.model.server import Failure, NoReply
from streaming.retry_policy import Budget
from tests.unit.llm.loop import ADDRESS, REFUSED, RESET, START, Harness, ScriptedModel, answer, error, question


async def test_an_answer_goes_to_success_with_everything_that_travels():
    best = BestAttempt(llm_response="an earlier one", bert_score=0.4, retry_count=1)
    asked = question(
        retry_count=2, retries=Retries(quality=2), best_attempt=best, first_score=0.3, run_id="run", waited_ms=5.0,
        submission_id=uuid4(), submitted_at=START - timedelta(seconds=9), extra={"theirs": 1},
    )  # fmt: skip
    async with Harness() as harness:
        harness.model.replies[asked.question_text] = [answer("Air.", eval_count=3, prompt_eval_count=9, done_reason="length")]
        await harness.ask(asked)
        [response] = await harness.arrived(topics.SUCCESS)
    assert response.carried() == asked.carried()
    assert (response.llm_response, response.model, response.retry_count) == ("Air.", "real-name", 2)
    assert (response.tokens, response.prompt_tokens, response.truncated) == (3, 9, True)
    assert response.llm_started_at == response.llm_finished_at == START
    assert response.enqueued_at == START


async def test_the_model_is_asked_for_the_question_text_and_nothing_else():
    async with Harness() as harness:
        await harness.ask(question("Why?", original_answer="SECRET"), question("How?", requested_model="other", retry_count=3))
        await harness.arrived(topics.SUCCESS, 2)
    assert sorted(harness.model.asked) == [("configured", "Why?", 0), ("other", "How?", 3)]


@pytest.mark.parametrize(
    ("reply", "topic", "error_type", "retry_after"),
    [
        (error(503, "server busy"), topics.OVERLOAD, "overload", None),
        (error(429, retry_after="7"), topics.OVERLOAD, "overload", 7.0),
        (answer(""), topics.OVERLOAD, "overload", None),
        (error(402, retry_after="9"), topics.QUOTA, "quota", 9.0),
        (error(429, "you have reached your session usage limit"), topics.QUOTA, "quota", 60.0),
    ],
)
async def test_a_busy_model_and_a_used_up_quota_go_to_their_topics(reply, topic, error_type, retry_after):
    async with Harness() as harness:
        harness.model.replies["Why?"] = [reply]
        await harness.ask(question("Why?", retry_count=1))
        [message] = await harness.arrived(topic)
    assert (message.error_type, message.retry_after_seconds, message.retry_count) == (error_type, retry_after, 1)
    assert message.original_answer == "The reference."
    assert message.model == "configured"


async def test_an_overload_tells_its_kind():
    async with Harness() as harness:
        harness.model.replies["Why?"] = [error(503, "server busy")]
        await harness.ask(question("Why?"))
        [message] = await harness.arrived(topics.OVERLOAD)
    assert message.error_kind == "http_503"


async def test_a_refused_question_is_fatal():
    async with Harness() as harness:
        harness.model.replies["Why?"] = [error(400, "bad prompt")]
        await harness.ask(question("Why?"))
        [fatal] = await harness.arrived(topics.FATAL)
    assert fatal.error_type == REFUSED_BY_MODEL
    assert "bad prompt" in fatal.error_message


async def test_a_requested_model_that_is_missing_is_fatal_and_keeps_the_gate_open():
    async with Harness() as harness:
        harness.model.replies["Why?"] = [error(404, "model 'x' not found")]
        await harness.ask(question("Why?", requested_model="x"))
        [fatal] = await harness.arrived(topics.FATAL)
        assert harness.step.ready()
    assert fatal.error_type == MODEL_MISSING


@pytest.mark.parametrize("value", [b"{", b"{}", None])
async def test_a_record_that_is_no_question_is_buried(value):
    async with Harness() as harness:
        await harness.broker.append(topics.PENDING, b"k", value)
        await harness.ask(question())
        await harness.arrived(topics.SUCCESS)
        [letter] = await harness.arrived(topics.DEAD_LETTERS)
        await harness.until(lambda: harness.loop.in_flight == 0, "both are done")
    assert (letter.topic, letter.offset) == (topics.PENDING, 0)
    assert harness.committed() == 2


@pytest.mark.parametrize(("budget", "ceiling"), [(Budget.SHARED, 5), (Budget.PER_CAUSE, 11)])
async def test_a_count_above_the_ceiling_is_buried_and_fatal(budget, ceiling):
    async with Harness(budget=budget) as harness:
        too_often, often = question(retry_count=ceiling + 1), question(retry_count=ceiling)
        await harness.ask(too_often, often)
        [response] = await harness.arrived(topics.SUCCESS)
        [fatal] = await harness.arrived(topics.FATAL)
        assert len(harness.sent(topics.DEAD_LETTERS)) == 1
    assert response.question_id == often.question_id
    assert (fatal.question_id, fatal.error_type) == (too_often.question_id, INVALID_MESSAGE)


async def test_an_unavailable_model_charges_no_question_and_each_is_answered_once_it_is_back():
    async with Harness() as harness:
        harness.model.probes = [REFUSED, answer()]
        for text in ("a", "b", "c"):
            harness.model.replies[text] = [REFUSED, answer(text)]
        await harness.ask_at_once("a", "b", "c")
        await harness.until(lambda: not harness.step.ready(), "the gate closes")
        assert "connection refused" in harness.step.problems()["model"]
        await harness.clock.advance(1)
        assert not harness.step.ready()
        await harness.clock.advance(2)
        responses = await harness.arrived(topics.SUCCESS, 3)
        assert harness.step.problems() == {}
    assert sorted(response.llm_response for response in responses) == ["a", "b", "c"]
    assert {response.retry_count for response in responses} == {0}
    assert not harness.sent(topics.OVERLOAD)
    assert not harness.sent(topics.FATAL)


@pytest.mark.parametrize(
    "away",
    [
        *(NoReply(failure, "why") for failure in (Failure.CANNOT_CONNECT, Failure.RESET)),
        *(error(status) for status in (401, 403, 404, 301, 307)),
        reply_of(ADDRESS, Received(200, {"content-type": "text/html"}, b"<html>Sign in")),
    ],
    ids=str,
)
async def test_nothing_that_will_go_away_charges_a_question_raises_the_limit_or_leaves_calls_uncounted(away):
    texts = [str(number) for number in range(8)]
    assert isinstance(outcome_of(away, START, requested_other_model=False), Unavailable)
    async with Harness() as harness:
        harness.model.probes = [away, away, away, answer()]
        for text in texts:
            harness.model.replies[text] = [away, answer(text)]
        await harness.ask_at_once(*texts)
        await harness.until(lambda: not harness.step.ready(), "the gate closes")
        await harness.until(lambda: harness.limit.in_flight == 0, "all calls have ended")
        assert harness.limit.limit == 8
        for _ in range(16):
            assert not harness.sent(topics.SUCCESS)
            await harness.clock.advance(1)
            if harness.step.problems() == {}:
                break
        responses = await harness.arrived(topics.SUCCESS, 8)
        await harness.until(lambda: harness.loop.in_flight == 0, "all are done")
    assert {response.retry_count for response in responses} == {0}
    assert not [topic for topic in (topics.OVERLOAD, topics.QUOTA, topics.FATAL, topics.DEAD_LETTERS) if harness.sent(topic)]
    assert harness.committed() == 8
    assert len(harness.model.asked) == 16


async def test_stopping_while_the_model_is_unavailable_ends_at_once_for_every_call_that_waits():
    async with Harness() as harness:
        harness.model.probes = [REFUSED]
        for text in "abcdefgh":
            harness.model.replies[text] = [REFUSED]
        await harness.ask_at_once(*"abcdefgh")
        await harness.until(lambda: not harness.step.ready(), "the gate closes")
        harness.loop.stop()
        await harness.until(harness.task.done, "the loop ends without waiting for the model", deadline_s=2)
    assert harness.committed() == 0
    assert len(harness.model.asked) == 8


async def test_a_missing_configured_model_holds_questions_back():
    async with Harness() as harness:
        harness.model.replies["Why?"] = [error(404, "model 'configured' not found")]
        await harness.ask(question("Why?", requested_model="configured"))
        await harness.until(lambda: "model" in harness.step.problems(), "the gate closes")
    assert "not found" in harness.step.problems()["model"]
    assert not harness.sent(topics.FATAL)
    assert harness.committed() == 0


async def test_while_the_gate_is_closed_no_further_question_is_begun():
    async with Harness() as harness:
        harness.model.replies["a"] = [REFUSED]
        harness.model.probes = [REFUSED]
        await harness.ask(question("a"))
        await harness.until(lambda: not harness.step.ready(), "the gate closes")
        await harness.ask(question("b"))
        await harness.until(lambda: len(harness.loop._waiting) == 1, "the loop holds it")
    assert [text for _, text, _ in harness.model.asked] == ["a"]


async def test_a_question_that_resets_the_model_again_after_a_probe_is_charged():
    async with Harness() as harness:
        harness.model.replies["killer"] = [RESET]
        await harness.ask(question("killer"))
        await harness.until(lambda: not harness.step.ready(), "the gate closes")
        assert not harness.sent(topics.OVERLOAD)
        await harness.clock.advance(1)
        [overload] = await harness.arrived(topics.OVERLOAD)
    assert "connection lost" in overload.error_message
    assert len(harness.model.asked) == 2


async def test_resets_without_a_probe_between_them_are_not_charged():
    async with Harness() as harness:
        harness.model.replies["a"] = [RESET, answer()]
        harness.model.replies["b"] = [RESET, answer()]
        await harness.ask_at_once("a", "b")
        await harness.until(lambda: not harness.step.ready(), "the gate closes")
        await harness.clock.advance(1)
        await harness.arrived(topics.SUCCESS, 2)
    assert not harness.sent(topics.OVERLOAD)


async def test_what_is_in_flight_never_passes_the_limit():
    async with Harness(limit=3, most=4) as harness:
        harness.model.free.clear()
        await harness.ask(*(question(str(number)) for number in range(20)))
        await harness.until(lambda: harness.model.in_flight == 3, "the limit is used")
        harness.model.free.set()
        await harness.arrived(topics.SUCCESS, 20)
    assert harness.model.max_in_flight <= 4


async def test_a_result_waits_for_kafka_without_asking_the_model_again():
    async with Harness() as harness:
        harness.model.free.clear()
        await harness.ask(question())
        await harness.until(lambda: harness.model.in_flight == 1, "the call is under way")
        harness.broker.away = True
        harness.model.free.set()
        await harness.until(lambda: harness.model.in_flight == 0, "the call has ended")
        await harness.clock.advance(1)
        assert not harness.sent(topics.SUCCESS)
        harness.broker.away = False
        await harness.clock.advance(1)
        await harness.arrived(topics.SUCCESS)
    assert len(harness.model.asked) == 1
    assert harness.committed() == 1


async def test_an_offset_is_done_only_after_its_result_is_delivered():
    async with Harness() as harness:
        harness.model.free.clear()
        await harness.ask(question("slow"))
        await harness.until(lambda: harness.model.in_flight == 1, "the call is under way")
        assert harness.loop.in_flight == 1
        harness.model.free.set()
        await harness.arrived(topics.SUCCESS)
        await harness.until(lambda: harness.loop.in_flight == 0, "it is done")


async def test_stopping_lets_a_call_end_and_delivers_it():
    async with Harness() as harness:
        harness.model.free.clear()
        await harness.ask(question())
        await harness.until(lambda: harness.model.in_flight == 1, "the call is under way")
        harness.loop.stop()
        await asyncio.sleep(0.15)
        harness.model.free.set()
        await harness.until(harness.task.done, "the loop has ended")
    assert len(harness.sent(topics.SUCCESS)) == 1
    assert harness.committed() == 1


async def test_stopping_leaves_what_waits_at_the_gate_at_once_and_uncommitted():
    async with Harness() as harness:
        harness.model.replies["a"] = [REFUSED]
        await harness.ask(question("a"))
        await harness.until(lambda: not harness.step.ready(), "the gate closes")
        harness.loop.stop()
        await harness.until(harness.task.done, "the loop ends without waiting for the model", deadline_s=2)
    assert harness.committed() == 0


async def test_dropping_a_partition_cancels_its_calls():
    async with Harness() as harness:
        harness.model.free.clear()
        await harness.ask(question("slow"))
        await harness.until(lambda: harness.model.in_flight == 1, "the call is under way")
        harness.step.drop(list(harness.loop.assigned))
        await harness.until(lambda: harness.model.cancelled == ["slow"], "the call is cancelled")


async def test_a_defect_in_a_records_work_ends_the_service_instead_of_vanishing():
    async with Harness() as harness:

        async def broken(*_):
            raise ZeroDivisionError

        harness.model.generate = broken
        await harness.ask(question())
        with pytest.raises(ZeroDivisionError):
            await asyncio.wait_for(asyncio.shield(harness.task), 5)


async def test_a_message_made_by_hand_is_answered():
    async with Harness() as harness:
        by_hand = {"question_id": str(uuid4()), "question_text": "Why?", "retry_count": 0, "timestamp": "2026-01-01T00:00:00Z"}
        await harness.broker.append(topics.PENDING, b"k", json.dumps(by_hand | {"original_answer": None}).encode())
        [response] = await harness.arrived(topics.SUCCESS)
    assert str(response.question_id) == by_hand["question_id"]


async def test_a_question_that_kills_the_model_uses_up_nobody_elses_tries():
    class Killed(ScriptedModel):
        """Whoever is in flight together with the killer is reset with it."""

        def __init__(self):
            super().__init__()
            self.resets = 0

        async def generate(self, model, question_text, retry_count):
            self.asked.append((model, question_text, retry_count))
            self.in_flight += 1
            before = self.resets
            try:
                await self.free.wait()
                await asyncio.sleep(0.01)
                if question_text == "killer":
                    self.resets += 1
                    return RESET
                return RESET if self.resets > before else answer()
            finally:
                self.in_flight -= 1

    async with Harness() as harness:
        harness.model = harness.step._server = Killed()
        await harness.ask_at_once("killer", *(f"neighbour {number}" for number in range(7)))
        async with asyncio.timeout(5):
            while len(harness.sent(topics.SUCCESS)) < 7 or not harness.sent(topics.OVERLOAD):
                await harness.clock.advance(1)
                await asyncio.sleep(0.01)
        [overload] = harness.sent(topics.OVERLOAD)
        await harness.until(harness.step.ready, "questions go on side by side")
    assert overload.question_text == "killer"
    calls = [text for _, text, _ in harness.model.asked]
    assert calls.count("killer") == 2
    assert all(calls.count(f"neighbour {number}") == 2 for number in range(7))


async def test_a_record_dropped_in_the_turn_in_which_it_is_taken_gives_its_place_back():
    async with Harness(limit=1, most=1) as harness:
        await harness.until(lambda: harness.loop.assigned, "it holds the partition")
        message = question("dropped")
        record = Record(topics.PENDING, 0, 0, b"k", encode(message), 0)
        harness.step.take(record, lambda: None)
        assert not harness.step.ready()
        harness.step.drop([record.source])
        await harness.until(harness.step.ready, "the place is free")
