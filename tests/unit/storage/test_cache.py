from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import msgspec
import pytest
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import OutOfMemoryError, ReadOnlyError, ResponseError
from redis.exceptions import TimeoutError as RedisTimeoutError

from streaming.clock import ManualClock
from streaming.storage.cache import AWAY_FOR_S, Cache
from streaming.storage.states import Answered


class FakeRedis:
    """Holds strings, counts calls, and fails as told."""

    def __init__(self) -> None:
        self.held: dict[str, bytes] = {}
        self.failure: Exception | None = None
        self.refuses_writes: Exception | None = None
        self.calls = 0

    async def get(self, name: str) -> bytes | None:
        self._call()
        return self.held.get(name)

    def pipeline(self, transaction: bool = True) -> "FakeRedis":
        self.staged: dict[str, bytes] = {}
        return self

    def set(self, name: str, value: bytes, ex: int) -> None:
        self.staged[name] = value

    async def execute(self, raise_on_error: bool) -> list[Any]:
        self._call()
        if self.refuses_writes is not None:
            assert not raise_on_error, "what is raised holds the command"
            return [self.refuses_writes for _ in self.staged]
        self.held.update(self.staged)
        return [True for _ in self.staged]

    async def __aenter__(self) -> "FakeRedis":
        return self

    async def __aexit__(self, *error: object) -> None:
        return None

    def _call(self) -> None:
        self.calls += 1
        if self.failure is not None:
            raise self.failure


def answer() -> Answered:
    return Answered(
        question_id=uuid4(),
        submission_id=uuid4(),
        answer="yes",
        bert_score=None,
        first_score=None,
        accepted_as="unscored",
        accepted_retry_count=0,
        processing_attempts=1,
        total_processing_time_ms=1.0,
        model=None,
        scorer=None,
        reference_hash=None,
    )


@pytest.fixture
def redis() -> FakeRedis:
    return FakeRedis()


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(datetime(2026, 1, 1, tzinfo=UTC))


@pytest.fixture
def cache(redis: Any, clock: ManualClock) -> Cache:
    return Cache(redis, clock)


async def test_what_was_put_is_found(cache: Cache) -> None:
    stored = answer()
    await cache.put([stored, answer()])
    assert await cache.get(stored.question_id) == stored


async def test_an_emptied_redis_is_a_miss(cache: Cache, redis: FakeRedis) -> None:
    stored = answer()
    await cache.put([stored])
    redis.held.clear()
    assert await cache.get(stored.question_id) is None
    assert cache.problem is None


@pytest.mark.parametrize("failure", [RedisConnectionError("refused"), RedisTimeoutError("slow"), OSError("reset"), TimeoutError()])
async def test_a_redis_that_is_away_is_a_miss_and_no_error(cache: Cache, redis: FakeRedis, failure: Exception) -> None:
    redis.failure = failure
    assert await cache.get(uuid4()) is None
    await cache.put([answer()])
    assert cache.problem is not None


async def test_while_redis_is_away_one_request_a_second_finds_out(cache: Cache, redis: FakeRedis, clock: ManualClock) -> None:
    redis.failure = RedisConnectionError("refused")
    for _ in range(50):
        await cache.get(uuid4())
    assert redis.calls == 1
    await clock.advance(AWAY_FOR_S)
    for _ in range(50):
        await cache.get(uuid4())
    assert redis.calls == 2


async def test_a_redis_that_came_back_is_used_again(cache: Cache, redis: FakeRedis, clock: ManualClock) -> None:
    stored = answer()
    await cache.put([stored])
    redis.failure = RedisConnectionError("refused")
    assert await cache.get(stored.question_id) is None
    redis.failure = None
    await clock.advance(AWAY_FOR_S)
    assert await cache.get(stored.question_id) == stored
    assert cache.problem is None


async def test_an_order_that_redis_refuses_does_not_close_the_cache(cache: Cache, redis: FakeRedis) -> None:
    redis.failure = ResponseError("WRONGTYPE")
    assert await cache.get(uuid4()) is None
    assert cache.problem is None


REFUSALS = {
    "full": OutOfMemoryError("command not allowed when used memory > 'maxmemory'."),
    "replica": ReadOnlyError("You can't write against a read only replica."),
    "no disk": ResponseError("MISCONF Redis is configured to save"),
}


@pytest.mark.parametrize("refusal", REFUSALS.values(), ids=REFUSALS)
async def test_a_redis_that_refuses_writes_is_found_out_before_there_is_an_answer_to_store(
    cache: Cache, redis: FakeRedis, refusal: Exception
) -> None:
    redis.refuses_writes = refusal
    assert await cache.check() == f"Redis refuses to store answers: {refusal}"
    redis.refuses_writes = None
    assert await cache.check() is None


async def test_a_redis_that_refuses_writes_is_still_read(cache: Cache, redis: FakeRedis) -> None:
    stored, late = answer(), answer()
    await cache.put([stored])
    redis.refuses_writes = REFUSALS["full"]
    await cache.put([late])
    assert await cache.get(stored.question_id) == stored
    assert await cache.get(late.question_id) is None
    assert cache.problem is None


@pytest.mark.parametrize("rubbish", [b"", b"{", b"\xff\xff", b'{"answer": 1}', b"[]"])
async def test_rubbish_in_redis_is_a_miss(cache: Cache, redis: FakeRedis, rubbish: bytes) -> None:
    wanted = uuid4()
    redis.held[f"answerloop:answer:{wanted}"] = rubbish
    assert await cache.get(wanted) is None


async def test_the_answer_of_another_question_is_never_given(cache: Cache, redis: FakeRedis) -> None:
    wanted = uuid4()
    redis.held[f"answerloop:answer:{wanted}"] = msgspec.json.encode(answer())
    assert await cache.get(wanted) is None
