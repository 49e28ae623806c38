"""Answers in Redis. Gone or emptied, Redis makes the loop slower, never wrong, and raises no error."""

import logging
from collections.abc import Mapping, Sequence
from uuid import UUID

import msgspec
from redis.asyncio import BlockingConnectionPool, Redis
from redis.exceptions import RedisError, ResponseError

from streaming import metrics
from streaming.clock import Clock
from streaming.storage.states import Answered

log = logging.getLogger(__name__)

TIMEOUT_S = 0.25
AWAY_FOR_S = 1.0
EXPIRY_S = 24 * 3600
CONNECTIONS = 32
CHECK_KEY = "answerloop:check"


def connect(url: str) -> Redis:
    """A client with short timeouts and a bounded number of connections."""
    pool = BlockingConnectionPool.from_url(
        url, max_connections=CONNECTIONS, timeout=TIMEOUT_S, socket_timeout=TIMEOUT_S, socket_connect_timeout=TIMEOUT_S
    )
    return Redis(connection_pool=pool)


class Cache:
    """Reads and writes answers. While Redis is away, one request a second finds out; the others do not wait for it."""

    def __init__(self, client: Redis, clock: Clock) -> None:
        self._client = client
        self._clock = clock
        self._closed_until = 0.0
        self._refusal: str | None = None
        self.problem: str | None = None

    async def get(self, question_id: UUID) -> Answered | None:
        """The answer, None if Redis does not have it or cannot be asked."""
        if not self._may_ask():
            metrics.CACHE_READS.labels("unreachable").inc()
            return None
        try:
            raw = await self._client.get(_key(question_id))
            self._came_back()
        except ResponseError as err:
            log.warning("Redis refuses to read %s: %s", _key(question_id), err)
            raw = None
        except (RedisError, OSError, TimeoutError) as err:
            self._went_away(err)
            metrics.CACHE_READS.labels("unreachable").inc()
            return None
        answer = _decoded(question_id, raw)
        metrics.CACHE_READS.labels("miss" if answer is None else "hit").inc()
        return answer

    async def put(self, answers: Sequence[Answered]) -> None:
        """Store answers, if Redis takes them."""
        if answers and self._may_ask():
            await self._write({_key(answer.question_id): msgspec.json.encode(answer) for answer in answers})

    async def check(self) -> str | None:
        """What is wrong with Redis now, None if nothing. It writes: a Redis that is full or a replica still answers PING."""
        await self._write({CHECK_KEY: b""})
        return self.problem or self._refusal

    async def _write(self, values: Mapping[str, bytes]) -> None:
        try:
            async with self._client.pipeline(transaction=False) as pipeline:
                for key, value in values.items():
                    pipeline.set(key, value, ex=EXPIRY_S)
                # Raised, an error of Redis's would hold the command, and with it a part of the answer.
                results = await pipeline.execute(raise_on_error=False)
        except (RedisError, OSError, TimeoutError) as err:
            self._went_away(err)
            return
        self._came_back()
        refused = next((each for each in results if isinstance(each, ResponseError)), None)
        refusal = None if refused is None else f"Redis refuses to store answers: {refused}"
        if refusal != self._refusal:
            log.warning("%s", refusal or "Redis stores answers again")
        self._refusal = refusal

    async def close(self) -> None:
        """Close every connection."""
        await self._client.aclose()

    def _may_ask(self) -> bool:
        if self.problem is None:
            return True
        now = self._clock.monotonic()
        if now < self._closed_until:
            return False
        self._closed_until = now + AWAY_FOR_S
        return True

    def _went_away(self, err: Exception) -> None:
        if self.problem is None:
            log.warning("Redis is away, answers come from PostgreSQL: %s", err)
        self.problem = f"Redis: {err or type(err).__name__}"
        self._closed_until = self._clock.monotonic() + AWAY_FOR_S

    def _came_back(self) -> None:
        if self.problem is not None:
            log.info("Redis is back")
        self.problem = None


def _key(question_id: UUID) -> str:
    return f"answerloop:answer:{question_id}"


def _decoded(question_id: UUID, raw: bytes | None) -> Answered | None:
    if raw is None:
        return None
    try:
        answer = msgspec.json.decode(raw, type=Answered)
    except (msgspec.DecodeError, UnicodeDecodeError) as err:
        log.warning("%s holds no answer (%s); it is written again from PostgreSQL", _key(question_id), err)
        return None
    return answer if answer.question_id == question_id else None
