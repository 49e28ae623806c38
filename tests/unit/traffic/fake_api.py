"""The storage API in memory, for an httpx transport."""

import asyncio
import json
from collections import Counter, deque
from datetime import datetime
from typing import Any
from uuid import UUID

import httpx

from streaming.identity import question_id


class FakeApi(httpx.AsyncBaseTransport):
    """Claims questions and resolves them when told. `troubles` are given to POSTs before anything is claimed."""

    def __init__(self) -> None:
        self.bodies: dict[UUID, dict[str, Any]] = {}
        self.asked: list[dict[str, Any]] = []
        self.polls: Counter[UUID] = Counter()
        self.most_polls_open = 0
        self.troubles: deque[httpx.Response | httpx.TransportError] = deque()
        self.answers_at_once = False
        self._changed = asyncio.Condition()
        self._polls_open = 0

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if request.url.path == "/healthz":
            return httpx.Response(200, json={})
        if request.method == "POST":
            return self._post(json.loads(request.content))
        return await self._get(UUID(request.url.path.rsplit("/", 1)[-1]))

    def _post(self, fields: dict[str, Any]) -> httpx.Response:
        self.asked.append(fields)
        if self.troubles:
            trouble = self.troubles.popleft()
            if isinstance(trouble, httpx.TransportError):
                raise trouble
            return trouble
        key = question_id(fields["answer_set"], fields["question_text"])
        if key not in self.bodies:
            self.bodies[key] = {"status": "pending", "question_id": str(key)}
            if self.answers_at_once:
                self.bodies[key] = {"status": "found", "question_id": str(key), "source": "cache"}
            return httpx.Response(202, json={"status": "pending", "question_id": str(key)})
        return httpx.Response(200, json=self.bodies[key])

    async def _get(self, key: UUID) -> httpx.Response:
        self.polls[key] += 1
        if key not in self.bodies:
            return httpx.Response(404, json={"detail": "unknown"})
        self._polls_open += 1
        self.most_polls_open = max(self.most_polls_open, self._polls_open)
        try:
            async with self._changed:
                await self._changed.wait_for(lambda: self.bodies[key]["status"] != "pending")
        finally:
            self._polls_open -= 1
        return httpx.Response(200, json=self.bodies[key])

    async def answer(self, key: UUID, resolved_at: datetime | None = None) -> None:
        stored = {} if resolved_at is None else {"resolved_at": resolved_at.isoformat()}
        await self._resolve(key, {"status": "found", "question_id": str(key), "source": "database", **stored})

    async def fail(self, key: UUID) -> None:
        error = {"cause": "overload_exhausted", "message": "busy", "retry_count": 3}
        await self._resolve(key, {"status": "error", "question_id": str(key), "submission_id": str(key), "error": error})

    async def answer_all(self) -> None:
        for key, body in list(self.bodies.items()):
            if body["status"] == "pending":
                await self.answer(key)

    async def _resolve(self, key: UUID, body: dict[str, Any]) -> None:
        self.bodies[key] = body
        async with self._changed:
            self._changed.notify_all()
