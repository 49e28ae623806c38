import asyncio
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streaming import topics
from streaming.clock import ManualClock
from streaming.contracts import OVERLOAD_EXHAUSTED, QUOTA_EXHAUSTED, BestAttempt, Overload, Quota, Retries, decode, encode
from streaming.kafka.consume import ConsumeLoop
from streaming.kafka.memory import MemoryBroker
from streaming.retries import rules
from streaming.retries.consumer import RetryStep
from streaming.retry_policy import Again, Budget
from tests.unit.hostile import COMPLETE

START = datetime(2026, 11, 23, 12, 0, 0, tzinfo=UTC)


def overload(**fields):
    given = {"question_id": uuid4(), "question_text": "Why?", "timestamp": START, "retry_count": 0, "original_answer": "Ref."} | fields
    return Overload(error_type="overload", error_message="503 Service Unavailable: server busy", **given)


def quota(**fields):
    given = {"question_id": uuid4(), "question_text": "Why?", "timestamp": START, "retry_count": 0, "retry_after_seconds": 60.0} | fields
    return Quota(error_type="quota", error_message="402 Payment Required: no", **given)


class Harness:
    """One retry step on a broker in memory; a new one may take over the same group."""

    def __init__(self, rule=rules.OVERLOAD, budget=Budget.SHARED, broker=None, clock=None):
        self.clock = clock or ManualClock(START)
        self.broker = broker or MemoryBroker()
        self.source = topics.CONSUMED_BY[rule.service][0]
        if broker is None:
            for spec in topics.TOPICS:
                self.broker.create(spec.name, spec.partitions)
        self.rule = rule
        self.step = RetryStep(rule, budget, self.broker.producer(), self.clock)
        self.loop = ConsumeLoop(self.broker.consumer(rule.service), [self.source], self.step, self.clock)

    async def __aenter__(self):
        self.task = asyncio.create_task(self.loop.run())
        return self

    async def __aexit__(self, *_):
        self.loop.stop()
        await asyncio.wait({self.task}, timeout=10)
        assert self.task.done()

    async def fail(self, *errors):
        """Put the errors in Kafka and wait until the step has them."""
        before = self.loop.in_flight
        for error in errors:
            await self.broker.append(self.source, str(error.question_id).encode(), encode(error))
        await self.until(lambda: self.loop.in_flight >= before + len(errors), "the step has them")
        await self.settle()

    def sent(self, topic=topics.PENDING):
        return [decode(topics.MESSAGE_OF[topic], record.value) for record in self.broker.records(topic)]

    async def until(self, holds, what, deadline_s=5.0):
        async with asyncio.timeout(deadline_s):
            while not holds():
                await asyncio.sleep(0.002)
        assert holds(), what

    async def settle(self):
        """Let everything that is due be forwarded, and the step sleep again, without moving time."""
        for _ in range(5):
            await self.clock.advance(0)

    def committed(self):
        return sum(place.offset or 0 for place in self.broker.committed[self.rule.service].values())


async def test_a_question_comes_back_with_its_counts_its_wait_and_everything_that_travels():
    best = BestAttempt(llm_response="earlier", bert_score=0.5, retry_count=0)
    error = overload(
        retry_count=1, retries=Retries(quality=1), best_attempt=best, run_id="run", requested_model="m", waited_ms=100.0, extra={"x": 1}
    )
    async with Harness() as harness:
        await harness.fail(error)
        await harness.clock.advance(2.6)
        await harness.until(lambda: len(harness.sent()) == 1, "it is back")
        await harness.until(lambda: harness.loop.in_flight == 0, "it is done")
        [question] = harness.sent()
    assert (question.retry_count, question.retries) == (2, Retries(quality=1, overload=1))
    assert question.timestamp == question.enqueued_at == START + timedelta(seconds=2.6)
    assert question.waited_ms == pytest.approx(2700)
    unchanged = {"retries", "enqueued_at", "waited_ms", "error_pickup_ms"}
    assert {name: value for name, value in question.carried().items() if name not in unchanged} == {
        name: value for name, value in error.carried().items() if name not in unchanged
    }
    assert harness.committed() == 1


async def test_a_question_that_comes_back_tells_how_long_its_error_lay_in_its_topic():
    async with Harness() as harness:
        await harness.fail(overload(timestamp=START - timedelta(seconds=0.25)))
        await harness.clock.advance(2.6)
        await harness.until(lambda: len(harness.sent()) == 1, "it is back")
        [question] = harness.sent()
    assert question.error_pickup_ms == pytest.approx(250)


@pytest.mark.parametrize(("so_far", "delay"), [(0, 2), (1, 4), (2, 8)])
async def test_overloads_wait_2_4_and_8_s_and_never_less(so_far, delay):
    async with Harness() as harness:
        await harness.fail(overload(retry_count=so_far, retries=Retries(overload=so_far)))
        await harness.clock.advance(delay - 0.01)
        await harness.settle()
        assert harness.sent() == []
        await harness.clock.advance(delay * 0.25 + 0.02)
        await harness.until(lambda: len(harness.sent()) == 1, "it is back")


async def test_a_retry_after_is_waited_out():
    async with Harness() as harness:
        await harness.fail(overload(retry_after_seconds=20.0))
        await harness.clock.advance(19.9)
        await harness.settle()
        assert harness.sent() == []
        await harness.clock.advance(5.2)
        await harness.until(lambda: len(harness.sent()) == 1, "it is back")


async def test_a_short_quota_does_not_wait_behind_a_long_one():
    async with Harness(rules.QUOTA) as harness:
        await harness.fail(quota(retry_after_seconds=3600.0, question_text="long"), quota(retry_after_seconds=2.0, question_text="short"))
        await harness.clock.advance(2.6)
        await harness.until(lambda: len(harness.sent()) == 1, "the short one is back")
        assert [question.question_text for question in harness.sent()] == ["short"]


@pytest.mark.parametrize(("rule", "make", "longest"), [(rules.OVERLOAD, overload, 2.5), (rules.QUOTA, quota, 75.0)])
async def test_200_at_once_all_come_back_when_due(rule, make, longest):
    errors = [make() for _ in range(200)]
    async with Harness(rule) as harness:
        await harness.fail(*errors)
        await harness.clock.advance(longest)
        await harness.until(lambda: len(harness.sent()) == 200, "all are back", deadline_s=20)
        await harness.until(lambda: harness.loop.in_flight == 0, "all are done")
    assert {question.question_id for question in harness.sent()} == {error.question_id for error in errors}
    assert harness.committed() == 200


@pytest.mark.parametrize(
    ("rule", "make", "limit", "cause"), [(rules.OVERLOAD, overload, 3, OVERLOAD_EXHAUSTED), (rules.QUOTA, quota, 5, QUOTA_EXHAUSTED)]
)
async def test_at_its_limit_an_error_is_fatal_at_once_with_the_last_error(rule, make, limit, cause):
    best = BestAttempt(llm_response="earlier", bert_score=0.5, retry_count=0)
    error = make(retry_count=limit, best_attempt=best, model="m", response_time_ms=5.0)
    async with Harness(rule) as harness:
        await harness.fail()
        await harness.broker.append(harness.source, b"k", encode(error))
        await harness.until(lambda: len(harness.sent(topics.FATAL)) == 1, "it is given up")
        await harness.until(lambda: harness.committed() == 1 or harness.loop.in_flight == 0, "it is done")
        [fatal] = harness.sent(topics.FATAL)
    assert (fatal.error_type, fatal.retry_count, fatal.best_attempt, fatal.model) == (cause, limit, best, "m")
    assert error.error_message in fatal.error_message
    assert f"{limit} of {limit}" in fatal.error_message
    assert harness.sent() == []


async def test_with_a_budget_per_cause_other_retries_do_not_count():
    async with Harness(budget=Budget.PER_CAUSE) as harness:
        await harness.fail(overload(retry_count=5, retries=Retries(quota=3, quality=2)))
        await harness.clock.advance(2.6)
        await harness.until(lambda: len(harness.sent()) == 1, "it is back")
    assert harness.sent(topics.FATAL) == []


async def test_killed_and_started_again_nothing_is_lost_and_nothing_early():
    first = Harness()
    errors = [overload() for _ in range(20)]
    async with first:
        await first.fail(*errors)
        await first.clock.advance(1)
    assert first.sent() == []
    async with Harness(broker=first.broker, clock=first.clock) as second:
        await second.until(lambda: second.loop.in_flight == 20, "it has them")
        await second.settle()
        await second.clock.advance(0.99)
        await second.settle()
        assert second.sent() == []
        await second.clock.advance(0.6)
        await second.until(lambda: len(second.sent()) == 20, "all are back")
    assert {question.question_id for question in second.sent()} == {error.question_id for error in errors}


async def test_a_timestamp_from_the_future_counts_as_now():
    async with Harness() as harness:
        await harness.fail(overload(timestamp=START + timedelta(days=400)))
        await harness.clock.advance(2.6)
        await harness.until(lambda: len(harness.sent()) == 1, "it is back")
    assert harness.sent()[0].waited_ms == 0


async def test_while_kafka_is_away_a_due_question_is_kept_and_not_done():
    async with Harness() as harness:
        await harness.fail(overload())
        harness.broker.away = True
        await harness.clock.advance(3)
        await harness.settle()
        assert harness.loop.in_flight == 1
        harness.broker.away = False
        await harness.clock.advance(1)
        await harness.until(lambda: len(harness.sent()) == 1, "it is back")
        await harness.until(lambda: harness.loop.in_flight == 0, "it is done")
    assert harness.sent()[0].waited_ms == pytest.approx(4000)


@pytest.mark.parametrize("value", [b"{", None, b'{"a\\u0000b": 1}', msgspec.json.encode(COMPLETE | {"retry_count": -1})])
@pytest.mark.parametrize("rule", [rules.OVERLOAD, rules.QUOTA])
async def test_a_record_that_is_no_error_holds_up_nobody_and_is_left_to_the_persister_to_bury(rule, value):
    async with Harness(rule) as harness:
        assert harness.source in topics.CONSUMED_BY[topics.STORAGE_PERSISTER]
        await harness.broker.append(harness.source, b"k", value, 0)
        await harness.fail(overload() if rule is rules.OVERLOAD else quota())
        await harness.clock.advance(90)
        await harness.until(lambda: len(harness.sent()) == 1, "the other is back")
        await harness.until(lambda: harness.loop.in_flight == 0, "both are done")
    assert harness.sent(topics.DEAD_LETTERS) == harness.sent(topics.FATAL) == []
    assert harness.committed() == 2


async def test_partitions_that_go_away_take_their_waiting_errors_along():
    async with Harness() as harness:
        await harness.fail(overload(), overload())
        harness.step.drop(list(harness.loop.assigned))
        await harness.clock.advance(10)
        await harness.settle()
    assert harness.sent() == []


@given(st.integers(0, 2), st.none() | st.floats(0, 1e9), st.integers(-10_000, 10_000), st.uuids(), st.sampled_from(["overload", "quota"]))
def test_nothing_is_ever_due_before_its_delay(count, retry_after, late_s, submission, kind):
    now = START + timedelta(seconds=late_s)
    if kind == "overload":
        rule, error = rules.OVERLOAD, overload(retry_count=count, retry_after_seconds=retry_after, submission_id=submission)
        least = max(2 ** (count + 1), min(retry_after or 0, 300))
    else:
        rule, error = rules.QUOTA, quota(retry_count=count, retry_after_seconds=retry_after or 0.0, submission_id=submission)
        least = min(max(retry_after or 0, 1), 3600)
    due = rules.due(rule, error, now)
    waited = (due - min(START, now)).total_seconds()
    assert least - 1e-3 <= waited <= least * 1.25 + 1e-3
    assert rules.due(rule, error, now) == due


@given(st.floats(0, 1e6), st.integers(-100, 10**6))
def test_the_wait_adds_up_and_never_shrinks(waited_ms, seconds):
    error = overload(waited_ms=waited_ms)
    question = rules.question_again(error, Again(1, Retries(overload=1)), START, START + timedelta(seconds=seconds))
    assert question.waited_ms == pytest.approx(waited_ms + max(seconds, 0) * 1000)
