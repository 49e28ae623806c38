"""How a generator learns that a question has ended: it polls, or the API calls it back."""

import asyncio
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Protocol
from uuid import UUID

from streaming.traffic.api import QuestionApi, Reply

FIRST_LOOK_S, LONGEST_LOOK_S = 30.0, 300.0
"""When a question that nobody calls back for is looked at, and at most how long after the look before."""


class Ends(Protocol):
    """Where the ends of questions are learnt from."""

    callback_url: str | None

    def expected(self, question_id: UUID) -> AbstractContextManager[None]:
        """The question is sent, and its end waited for, within this block: an end may be told before the API has replied."""

    async def end_of(self, question_id: UUID) -> Reply:
        """Wait for a pending question, without end: its answer or its failure. Raises NotTaken for one that the API does not know."""


class Polled:
    """The API is asked, and holds each request until the question has ended."""

    callback_url: str | None = None

    def __init__(self, api: QuestionApi) -> None:
        self._api = api

    def expected(self, question_id: UUID) -> AbstractContextManager[None]:
        return nullcontext()

    async def end_of(self, question_id: UUID) -> Reply:
        return await self._api.resolved(question_id)


class _Expected:
    def __init__(self) -> None:
        self.end: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        self.requests = 0


class CalledBack:
    """The API calls back. It gives up in the end on whom it cannot reach, so what it has not called back for long is looked at."""

    callback_url: str | None = None

    def __init__(self, api: QuestionApi) -> None:
        self._api = api
        self._expected: dict[UUID, _Expected] = {}

    def take(self, reply: Reply) -> None:
        """A question has ended. It may be told more than once, and of questions that nobody waits for any more."""
        expected = self._expected.get(reply.question_id)
        if expected is not None and not expected.end.done():
            expected.end.set_result(reply)

    @contextmanager
    def expected(self, question_id: UUID) -> Iterator[None]:
        expected = self._expected.setdefault(question_id, _Expected())
        expected.requests += 1
        try:
            yield
        finally:
            expected.requests -= 1
            if not expected.requests:
                del self._expected[question_id]

    async def end_of(self, question_id: UUID) -> Reply:
        expected = self._expected.get(question_id)
        if expected is None:
            # An earlier try sent it, and named an address where nobody listens now.
            return await self._api.resolved(question_id)
        pause_s = FIRST_LOOK_S
        while not (await asyncio.wait({expected.end}, timeout=pause_s))[0]:
            reply = await self._api.look(question_id)
            if reply.status != "pending":
                return reply
            pause_s = min(pause_s * 2, LONGEST_LOOK_S)
        return expected.end.result()
