"""Wall clocks are set, back and forward; what a retry waits is counted in seconds that pass."""

from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from streaming import topics
from streaming.clock import ManualClock
from streaming.contracts import OVERLOAD_EXHAUSTED, encode
from streaming.retries import rules
from tests.unit.retries.test_consumer import START, Harness, overload, quota

HOURS = [timedelta(hours=3), timedelta(hours=-3), timedelta(days=-20_000)]


@pytest.mark.parametrize("jump", HOURS, ids=str)
@pytest.mark.parametrize(("rule", "make", "delay_s"), [(rules.OVERLOAD, overload, 2), (rules.QUOTA, quota, 60)])
async def test_a_wall_clock_set_while_an_error_waits_makes_its_retry_neither_early_nor_late(rule, make, delay_s, jump):
    async with Harness(rule) as harness:
        await harness.fail(make())
        await harness.clock.advance(delay_s / 2)
        harness.clock.set_wall(harness.clock.now() + jump)
        await harness.clock.advance(delay_s / 2 - 0.01)
        await harness.settle()
        assert harness.sent() == []
        await harness.clock.advance(delay_s * 0.25 + 0.02)
        await harness.until(lambda: len(harness.sent()) == 1, "it is back")


@pytest.mark.parametrize("jump", HOURS, ids=str)
async def test_a_wall_clock_set_between_an_error_and_its_reading_makes_its_retry_not_early(jump):
    async with Harness() as harness:
        await harness.until(lambda: harness.loop.assigned, "it holds the partitions")
        harness.clock.set_wall(START + jump)
        await harness.fail(overload(timestamp=START))
        await harness.clock.advance(1.99)
        await harness.settle()
        assert harness.sent() == []
        await harness.clock.advance(0.53)
        await harness.until(lambda: len(harness.sent()) == 1, "it is back")


@pytest.mark.parametrize("jump", HOURS, ids=str)
async def test_an_error_made_after_the_wall_clock_was_set_waits_its_delay(jump):
    async with Harness() as harness:
        await harness.until(lambda: harness.loop.assigned, "it holds the partitions")
        harness.clock.set_wall(START + jump)
        await harness.fail(overload(timestamp=START + jump))
        await harness.clock.advance(1.99)
        await harness.settle()
        assert harness.sent() == []
        await harness.clock.advance(0.53)
        await harness.until(lambda: len(harness.sent()) == 1, "it is back")
        assert harness.sent()[0].waited_ms == pytest.approx(2520)


async def test_a_service_started_under_a_clock_of_1970_waits_no_less_once_it_is_right():
    async with Harness(clock=ManualClock(datetime(1970, 1, 1, tzinfo=UTC))) as harness:
        await harness.until(lambda: harness.loop.assigned, "it holds the partitions")
        harness.clock.set_wall(START)
        await harness.fail(overload())
        await harness.clock.advance(1.99)
        await harness.settle()
        assert harness.sent() == []
        await harness.clock.advance(0.53)
        await harness.until(lambda: len(harness.sent()) == 1, "it is back")


TIMESTAMPS = [
    "1970-01-01T00:00:00Z",
    "0001-01-01T00:00:00Z",
    "2999-01-01T00:00:00Z",
    "9999-12-31T23:59:59.999999Z",
]


@pytest.mark.parametrize("timestamp", TIMESTAMPS)
async def test_an_error_of_any_year_comes_back(timestamp):
    error = overload()
    value = msgspec.json.encode(msgspec.json.decode(encode(error)) | {"timestamp": timestamp})
    async with Harness() as harness:
        await harness.until(lambda: harness.loop.assigned, "it holds the partitions")
        await harness.broker.append(harness.source, b"k", value)
        await harness.settle()
        await harness.clock.advance(2.51)
        await harness.until(lambda: len(harness.sent()) == 1, "it is back")
        await harness.until(lambda: harness.loop.in_flight == 0, "it is done")
    assert harness.committed() == 1


@pytest.mark.parametrize("timestamp", TIMESTAMPS)
async def test_an_error_of_any_year_at_its_limit_is_given_up(timestamp):
    error = overload(retry_count=3)
    value = msgspec.json.encode(msgspec.json.decode(encode(error)) | {"timestamp": timestamp})
    async with Harness() as harness:
        await harness.broker.append(harness.source, b"k", value)
        await harness.until(lambda: len(harness.sent(topics.FATAL)) == 1, "it is given up")
    assert harness.sent(topics.FATAL)[0].error_type == OVERLOAD_EXHAUSTED
