"""A question that kills the model is charged; those beside it are not, and the calls it costs are bounded."""

import asyncio

import pytest

from streaming import topics
from streaming.contracts import Overload, Question
from streaming.retry_policy import RULES, Again, Budget, Cause, next_step
from tests.unit.llm.fragile import FragileModel
from tests.unit.llm.loop import REFUSED, RESET, Harness, ScriptedModel, answer, question

NEIGHBOURS = [f"neighbour {number}" for number in range(7)]


def put_model(harness, model):
    harness.model = harness.step._server = model
    return model


def again(overload: Overload) -> Question | None:
    """What the retry consumer makes of an overload; None if its tries are used up."""
    match next_step(Budget.SHARED, Cause.OVERLOAD, overload.retry_count, overload.retries):
        case Again(retry_count=count, retries=retries):
            return question(overload.question_text, question_id=overload.question_id, retry_count=count, retries=retries)
    return None


async def pass_time(harness, ended, most_s=600):
    """Let time pass until the state is reached, asking again what is overloaded; the killed end as their tries run out."""
    seen, exhausted = 0, []
    for _ in range(most_s):
        overloads = harness.sent(topics.OVERLOAD)
        for overload in overloads[seen:]:
            if (retry := again(overload)) is None:
                exhausted.append(overload.question_text)
            else:
                await harness.ask(retry)
        seen = len(overloads)
        if ended(exhausted):
            return exhausted
        await harness.clock.advance(1)
        await asyncio.sleep(0.003)
    raise AssertionError(f"not within {most_s} s: {harness.model.asked}")


@pytest.mark.parametrize("away", [REFUSED, RESET], ids=["refuses while away", "resets while away"])
@pytest.mark.parametrize("place", [0, 3, 7])
async def test_one_killer_ends_and_its_seven_neighbours_are_answered_uncharged(place, away):
    texts = [*NEIGHBOURS[:place], "killer", *NEIGHBOURS[place:]]
    async with Harness(limit=8, most=8) as harness:
        model = put_model(harness, FragileModel(harness.clock, {"killer"}, away=away))
        await harness.ask(*(question(text) for text in texts))
        await harness.until(lambda: len(model.asked) == 8, "all are under way")
        exhausted = await pass_time(harness, lambda ended: ended and len(harness.sent(topics.SUCCESS)) == 7)
        await harness.until(lambda: harness.loop.in_flight == 0, "all are done")
    tries = RULES[Cause.OVERLOAD].limit + 1
    assert exhausted == ["killer"]
    assert {(overload.question_text, overload.error_kind) for overload in harness.sent(topics.OVERLOAD)} == {("killer", "reset")}
    assert sorted(response.llm_response for response in harness.sent(topics.SUCCESS)) == NEIGHBOURS
    assert model.asked.count("killer") <= 2 * tries
    assert all(model.asked.count(text) <= tries + 1 for text in NEIGHBOURS)


async def test_two_killers_among_eight_both_end_and_nobody_else_is_charged():
    async with Harness(limit=8, most=8) as harness:
        put_model(harness, FragileModel(harness.clock, {"killer", "other killer"}, away=RESET))
        await harness.ask(*(question(text) for text in ["killer", *NEIGHBOURS[:6], "other killer"]))
        exhausted = await pass_time(harness, lambda ended: len(ended) == 2 and len(harness.sent(topics.SUCCESS)) == 6)
    assert sorted(exhausted) == ["killer", "other killer"]
    assert {overload.question_text for overload in harness.sent(topics.OVERLOAD)} == {"killer", "other killer"}


async def test_a_server_that_is_still_away_after_the_killer_charges_nobody():
    """The probe passes, the killer goes alone and kills again; whatever takes the address meanwhile resets what comes."""
    async with Harness(limit=8, most=8) as harness:
        model = put_model(harness, FragileModel(harness.clock, {"killer"}, service_s=0.5, restart_s=30, away=RESET))
        await harness.ask(question("killer"), *(question(text) for text in NEIGHBOURS))
        await harness.until(lambda: len(model.asked) == 8, "all are under way")
        await pass_time(harness, lambda ended: ended and len(harness.sent(topics.SUCCESS)) == 7)
    assert {overload.question_text for overload in harness.sent(topics.OVERLOAD)} == {"killer"}


async def test_a_reset_beside_a_long_call_waits_for_it_instead_of_circling():
    """Behind one address another server goes on: who is at fault cannot be told until its call has ended."""
    async with Harness(limit=2, most=2) as harness:

        class TwoServers(ScriptedModel):
            async def generate(self, model, question_text, retry_count):
                if question_text == "long":
                    return await super().generate(model, question_text, retry_count)
                self.asked.append((model, question_text, retry_count))
                return RESET

        model = put_model(harness, TwoServers())
        model.free.clear()
        await harness.ask(question("long"))
        await harness.until(lambda: model.in_flight == 1, "the long call is under way")
        await harness.ask(question("killer"))
        for _ in range(100):
            await harness.clock.advance(1)
            await asyncio.sleep(0.001)
        assert [text for _, text, _ in model.asked].count("killer") == 2
        assert not harness.sent(topics.OVERLOAD)
        model.free.set()
        [overload] = await harness.arrived(topics.OVERLOAD)
        await harness.arrived(topics.SUCCESS)
    assert overload.question_text == "killer"
    assert [text for _, text, _ in model.asked].count("killer") == 3


async def test_stopping_leaves_those_that_wait_for_their_turn_at_once_and_uncommitted():
    async with Harness() as harness:
        for text in "abc":
            harness.model.replies[text] = [RESET, answer(text)]
        await harness.ask_at_once("a", "b", "c")
        await harness.until(lambda: not harness.step.ready(), "the gate closes")
        harness.model.free.clear()
        await harness.clock.advance(1)
        await harness.until(lambda: harness.model.in_flight == 1, "one goes alone")
        harness.loop.stop()
        await asyncio.sleep(0.15)
        harness.model.free.set()
        await harness.until(harness.task.done, "the loop ends without asking for the others", deadline_s=2)
    assert len(harness.model.asked) == 4
    assert len(harness.sent(topics.SUCCESS)) == 1
    assert harness.committed() <= 1
