"""Asking, reading, waiting and replaying: Redis first, then PostgreSQL."""

import asyncio
from contextlib import suppress
from typing import NamedTuple
from uuid import UUID

from streaming import metrics
from streaming.clock import Clock
from streaming.errors import Unreachable
from streaming.storage import repository
from streaming.storage.cache import Cache
from streaming.storage.database import Database
from streaming.storage.enqueuer import Enqueuer
from streaming.storage.replay import Refusal, replay
from streaming.storage.repository import Claim
from streaming.storage.states import Answered, Failed, Pending, State, reference_hash
from streaming.storage.waiting import Waiters

CACHE, DATABASE = "cache", "database"


class Overfull(Unreachable):
    """Too many questions wait to go to Kafka; new ones are not accepted for now."""


class Known(NamedTuple):
    """A question's state, and where it was found."""

    state: State
    source: str


class Questions:
    """What the API does with questions."""

    def __init__(self, database: Database, cache: Cache, enqueuer: Enqueuer, waiters: Waiters, clock: Clock) -> None:
        self._database = database
        self._cache = cache
        self._enqueuer = enqueuer
        self._waiters = waiters
        self._clock = clock

    async def ask(self, asked: Claim) -> Known:
        """The state of the question; a new one is claimed and goes on its way. Raises Unreachable, Overfull."""
        cached = await self._cache.get(asked.question_id)
        given = reference_hash(asked.original_answer)
        if cached is not None and given in (None, cached.reference_hash):
            metrics.QUESTIONS.labels("found_cache").inc()
            return Known(cached, CACHE)
        if self._enqueuer.full:
            state = await self._database.run(lambda connection: repository.found(connection, asked))
            if state is None:
                metrics.QUESTIONS.labels("refused").inc()
                raise Overfull("too many questions wait to go to Kafka; ask again later")
        else:
            now = self._clock.now()
            state = await self._database.run(lambda connection: repository.claim(connection, asked, now))
        if state is None:
            self._enqueuer.claimed()
            metrics.QUESTIONS.labels("claimed").inc()
            return Known(Pending(question_id=asked.question_id, submission_id=asked.submission_id, reference_hash=given), DATABASE)
        metrics.QUESTIONS.labels(_REPLIES[type(state)]).inc()
        if cached is None:
            await self._refill(state)
        return Known(state, DATABASE)

    async def read(self, question_id: UUID) -> Known | None:
        """The state of a question, None if nobody asked it. Raises Unreachable."""
        cached = await self._cache.get(question_id)
        if cached is not None:
            return Known(cached, CACHE)
        state = await self._database.run(lambda connection: repository.read(connection, question_id))
        if state is None:
            return None
        await self._refill(state)
        return Known(state, DATABASE)

    async def wait(self, question_id: UUID, seconds: float) -> Known | None:
        """As `read`, but a pending question is waited for, so many seconds at most."""
        deadline = self._clock.monotonic() + seconds
        with self._waiters.subscribed(question_id) as news:
            while True:
                news.clear()
                known = await self.read(question_id)
                left = deadline - self._clock.monotonic()
                if known is None or not isinstance(known.state, Pending) or left <= 0 or self._waiters.closing:
                    return known
                with suppress(TimeoutError):
                    async with asyncio.timeout(left):
                        await news.wait()

    async def replay(self, question_id: UUID, submission_id: UUID, model: str | None, replay_id: str | None) -> tuple[UUID, bool] | Refusal:
        """The submission that repeats a failed one, and whether this call made it. Raises Unreachable, Overfull."""
        if self._enqueuer.full:
            raise Overfull("too many questions wait to go to Kafka; replay later")
        now = self._clock.now()
        result = await self._database.atomic(lambda connection: replay(connection, question_id, submission_id, model, replay_id, now))
        if not isinstance(result, Refusal) and result[1]:
            self._enqueuer.claimed()
        return result

    async def _refill(self, state: State) -> None:
        if isinstance(state, Answered):
            await self._cache.put([state])


_REPLIES: dict[type, str] = {Answered: "found_database", Failed: "error", Pending: "pending"}
