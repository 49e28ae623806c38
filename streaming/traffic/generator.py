"""The traffic generator: sends one share of a run's requests and follows each until it ends.

An open loop sends at its intended times whatever the replies do; in a closed loop each user asks when it has its answer.
"""

import asyncio
from collections.abc import Mapping
from datetime import datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from streaming.clock import Clock
from streaming.datasets.corpus import CorpusQuestion
from streaming.identity import question_id
from streaming.traffic.api import NotTaken, QuestionApi, Reply
from streaming.traffic.ends import Ends
from streaming.traffic.feed import Feed
from streaming.traffic.plan import TrafficPlan
from streaming.traffic.progress import Progress
from streaming.traffic.records import Recorder, Request

MOST_OPEN = 20_000

FOUND, PENDING, ERROR = "found", "pending", "error"
ANSWERED, FAILED, UNRESOLVED, REFUSED = "answered", "failed", "unresolved", "refused"


class Generator:
    """Sends what its feed holds. `earlier`: requests that a try before this one recorded and did not end."""

    def __init__(
        self,
        plan: TrafficPlan,
        run_id: str,
        api: QuestionApi,
        ends: Ends,
        recorder: Recorder,
        progress: Progress,
        clock: Clock,
        earlier: Mapping[int, Request],
    ) -> None:
        self._plan = plan
        self._run_id = run_id
        self._api = api
        self._ends = ends
        self._answer_set = plan.answer_set or run_id
        self._recorder = recorder
        self._progress = progress
        self._clock = clock
        self._earlier = earlier
        self._open = asyncio.Semaphore(MOST_OPEN)

    async def open_loop(self, feed: Feed, times: NDArray[np.float64]) -> None:
        """Send each request at its time: seconds from now, by request number."""
        start = self._clock.monotonic()
        start_at = self._clock.now()
        async with asyncio.TaskGroup() as group:
            while (item := await feed.next()) is not None:
                number, question = item
                request = self._earlier.get(number)
                if request is None:
                    due = float(times[number])
                    await self._clock.sleep(start + due - self._clock.monotonic())
                    request = Request(number, start_at + timedelta(seconds=due))
                await self._open.acquire()
                group.create_task(self._one_of_many(request, question))

    async def closed_loop(self, feed: Feed, users: int) -> None:
        """So many users at once, each of whom asks when it has its answer and has thought about it."""
        async with asyncio.TaskGroup() as group:
            for _ in range(users):
                group.create_task(self._user(feed))

    async def _user(self, feed: Feed) -> None:
        while (item := await feed.next()) is not None:
            number, question = item
            await self._follow(self._earlier.get(number) or Request(number, self._clock.now()), question)
            await self._clock.sleep(self._plan.think_time_s)

    async def _one_of_many(self, request: Request, question: CorpusQuestion) -> None:
        try:
            await self._follow(request, question)
        finally:
            self._open.release()

    async def _follow(self, request: Request, question: CorpusQuestion) -> None:
        """Send a request, unless an earlier try has, and wait until it ends."""
        self._progress.count_sent()
        if request.first_status is not None:
            await self._until_its_end(request)
            return
        with self._ends.expected(question_id(self._answer_set, question.text)):
            await self._send(request, question)
            await self._until_its_end(request)

    async def _until_its_end(self, request: Request) -> None:
        if request.first_status != PENDING or request.question_id is None:
            return
        self._progress.waiting += 1
        try:
            async with asyncio.timeout(self._plan.resolve_timeout_s):
                reply = await self._ends.end_of(request.question_id)
        except TimeoutError:
            self._end(request, UNRESOLVED, f"no answer within {self._plan.resolve_timeout_s:g} s")
        except NotTaken as err:
            self._end(request, UNRESOLVED, str(err))
        else:
            self._resolve(request, reply, _ended_at(request, reply, self._clock.now()))
        finally:
            self._progress.waiting -= 1

    async def _send(self, request: Request, question: CorpusQuestion) -> None:
        request.sent_at = self._clock.now()
        fields = {
            "question_text": question.text,
            "original_answer": question.reference,
            "answer_set": self._answer_set,
            "run_id": self._run_id,
            "model": self._plan.model,
            "callback_url": self._ends.callback_url,
        }
        try:
            reply = await self._api.ask(fields, self._plan.patience_s)
        except NotTaken as err:
            request.first_status = REFUSED
            self._end(request, REFUSED, str(err))
            return
        request.first_reply_at = self._clock.now()
        request.question_id = reply.question_id
        request.first_status = reply.status
        request.source = reply.source
        if reply.status == PENDING:
            self._recorder.note(request)
            return
        self._progress.found += reply.status == FOUND
        self._resolve(request, reply, request.first_reply_at)

    def _resolve(self, request: Request, reply: Reply, now: datetime) -> None:
        request.resolved_at = now
        self._end(request, ANSWERED if reply.status == FOUND else FAILED, reply.error)

    def _end(self, request: Request, status: str, error: str | None) -> None:
        request.final_status = status
        request.error = error
        self._progress.ends[status] += 1
        self._recorder.note(request)


def _ended_at(request: Request, reply: Reply, now: datetime) -> datetime:
    """When the question ended: as it was stored, since polls take turns and may learn of it seconds later."""
    if reply.resolved_at is None:
        return now
    return min(now, max(reply.resolved_at, request.sent_at or now))
