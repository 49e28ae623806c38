"""The storage API as traffic and replays use it: asking questions, waiting for their answers, asking what failed again.

httpx gets slow with many requests in one client's flight, so the requests are spread over several clients of few connections each.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime
from types import TracebackType
from typing import Any, Self
from uuid import UUID

import httpx

from streaming.clock import Clock
from streaming.errors import ConfigurationError, Unreachable, UserError

CONNECTIONS_OF_A_CLIENT = 32
POST_CLIENTS = 4
POLL_CLIENTS = 32
POST_TIMEOUT_S = 30.0
LONGEST_WAIT_S = 30
SHORT_WAIT_S = 2
FIRST_BACKOFF_S, LONGEST_BACKOFF_S = 0.25, 5.0


@dataclass(frozen=True, slots=True)
class Reply:
    """What the API says of a question: `status` is "found", "pending" or "error"; `resolved_at`: when its end was stored, if it says so."""

    status: str
    question_id: UUID
    source: str | None = None
    error: str | None = None
    resolved_at: datetime | None = None


class NotTaken(Exception):
    """The API did not take a request, or did not within the time it was given. The text says why.

    `status`: the HTTP status of a refusal, None where the time was over.
    """

    def __init__(self, reason: str, status: int | None = None) -> None:
        super().__init__(reason)
        self.status = status


class _TryAgain(Exception):
    """Nothing was decided; `after_s` is what a Retry-After asked for."""

    def __init__(self, reason: str, after_s: float | None = None) -> None:
        super().__init__(reason)
        self.after_s = after_s


class _Clients:
    """So many httpx clients, taken connection by connection: the slots bound what is in flight."""

    def __init__(self, clients: list[httpx.AsyncClient]) -> None:
        self.all = clients
        self._slots: asyncio.LifoQueue[httpx.AsyncClient] = asyncio.LifoQueue()
        for client in self.all * CONNECTIONS_OF_A_CLIENT:
            self._slots.put_nowait(client)

    @property
    def scarce(self) -> bool:
        """Whether hardly a slot is left."""
        return self._slots.qsize() < CONNECTIONS_OF_A_CLIENT

    async def request(self, method: str, path: str, timeout_s: float, **options: Any) -> Any:
        """The body of a reply with status 200 or 202. Raises _TryAgain, NotTaken or ConfigurationError."""
        client = await self._slots.get()
        try:
            response = await client.request(method, path, timeout=timeout_s, **options)
        except httpx.TransportError as err:
            raise _TryAgain(f"{client.base_url} does not answer ({type(err).__name__}: {err})") from err
        finally:
            self._slots.put_nowait(client)
        return _body_of(response)


@dataclass
class _Poll:
    """A question that is being waited for; given up when the last waiter leaves."""

    task: asyncio.Task[Reply]
    waiters: int = 0


class QuestionApi:
    """Asks and waits, inside its `async with` block. A question that several requests wait for is polled once.

    `transport` stands in for the network in tests.
    """

    def __init__(self, base_url: str, token: str | None, clock: Clock, transport: httpx.AsyncBaseTransport | None = None) -> None:
        self._base_url = base_url
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._clock = clock
        self._transport = transport
        self._ssl = httpx.create_ssl_context()
        self._polled: dict[UUID, _Poll] = {}

    async def __aenter__(self) -> Self:
        self._closing = AsyncExitStack()
        self._posts = _Clients([self._client() for _ in range(POST_CLIENTS)])
        self._polls = _Clients([self._client() for _ in range(POLL_CLIENTS)])
        for client in self._posts.all + self._polls.all:
            await self._closing.enter_async_context(client)
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self._closing.aclose()

    def _client(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(
            base_url=self._base_url,
            headers=self._headers,
            limits=httpx.Limits(max_connections=CONNECTIONS_OF_A_CLIENT, max_keepalive_connections=CONNECTIONS_OF_A_CLIENT),
            verify=self._ssl,
            trust_env=False,
            transport=self._transport,
        )

    async def check(self) -> None:
        """Raises Unreachable unless the API is alive."""
        try:
            await self._posts.request("GET", "/healthz", 5.0)
        except (_TryAgain, NotTaken) as err:
            raise Unreachable(f"The API at {self._base_url} cannot be used: {err}. Is the stack up (`make up`)?") from err

    async def ask(self, question: Mapping[str, str | None], patience_s: float) -> Reply:
        """The first reply to a question (the fields of POST /questions).

        Tried again while the API is away or asks for patience. Raises NotTaken when `patience_s` is over, or at once for a question
        that the API refuses.
        """
        return reply_of(await self._post("/questions", question, patience_s))

    async def replay(self, question_id: UUID, submission_id: UUID, model: str | None, replay_id: str, patience_s: float) -> bool:
        """Ask a question again whose submission failed; whether this call made it, not one before it.

        Tried again while the API is away or asks for patience. Raises NotTaken when `patience_s` is over, or at once with the `status`
        of the refusal.
        """
        wanted = {"submission_id": str(submission_id), "model": model, "replay_id": replay_id}
        reply = await self._post(f"/questions/{question_id}/replay", wanted, patience_s)
        return bool(reply["status"] == "pending")

    async def _post(self, path: str, fields: Mapping[str, str | None], patience_s: float) -> Any:
        given = {name: value for name, value in fields.items() if value is not None}
        deadline = self._clock.monotonic() + patience_s
        backoff = FIRST_BACKOFF_S
        while True:
            try:
                return await self._posts.request("POST", path, POST_TIMEOUT_S, json=given)
            except _TryAgain as err:
                wait = backoff if err.after_s is None else err.after_s
                if self._clock.monotonic() + wait > deadline:
                    raise NotTaken(f"not taken within {patience_s:g} s: {err}") from err
            await self._clock.sleep(wait)
            backoff = min(backoff * 2, LONGEST_BACKOFF_S)

    async def resolved(self, question_id: UUID) -> Reply:
        """Wait for a pending question, without end: its answer or its failure. Raises NotTaken for one that the API does not know."""
        poll = self._polled.get(question_id)
        if poll is None:
            poll = self._polled[question_id] = _Poll(asyncio.create_task(self._poll(question_id)))
        poll.waiters += 1
        try:
            return await asyncio.shield(poll.task)
        finally:
            poll.waiters -= 1
            if not poll.waiters:
                poll.task.cancel()
                self._polled.pop(question_id, None)

    async def look(self, question_id: UUID) -> Reply:
        """What the API says of a question now: pending too while it says nothing. Raises NotTaken for one that it does not know."""
        try:
            return reply_of(await self._polls.request("GET", f"/questions/{question_id}", POST_TIMEOUT_S))
        except _TryAgain:
            return Reply("pending", question_id)

    async def _poll(self, question_id: UUID) -> Reply:
        backoff = FIRST_BACKOFF_S
        while True:
            # With more questions than slots each is looked at for a short while only, so that all get their turn.
            wait = SHORT_WAIT_S if self._polls.scarce else LONGEST_WAIT_S
            try:
                reply = reply_of(await self._polls.request("GET", f"/questions/{question_id}", wait + 15.0, params={"wait": wait}))
            except _TryAgain as err:
                await self._clock.sleep(backoff if err.after_s is None else err.after_s)
                backoff = min(backoff * 2, LONGEST_BACKOFF_S)
                continue
            backoff = FIRST_BACKOFF_S
            if reply.status != "pending":
                return reply


def _body_of(response: httpx.Response) -> Any:
    status = response.status_code
    if status in (200, 202):
        try:
            return response.json()
        except ValueError as err:
            raise UserError(f"{response.url} answers what is not JSON: {_detail(response)[:200]}. Is this the API?") from err
    if status == 429 or status >= 500:
        raise _TryAgain(f"the API answers {status}: {_detail(response)}", _retry_after_s(response))
    if status in (401, 403):
        raise ConfigurationError(f"The API at {response.url.copy_with(path='/')} refuses the token ({status}): set ANSWERLOOP_API_TOKEN")
    if status == 422 and "forbidden_callback" in response.text:
        raise ConfigurationError(
            f"The API at {response.url.copy_with(path='/')} calls no generator back: {_detail(response)}. Where it runs, set "
            "ANSWERLOOP_CALLBACK_HOSTS=127.0.0.1, ANSWERLOOP_CALLBACK_ALLOW_PRIVATE=true and ANSWERLOOP_CALLBACK_SECRET, or poll"
        )
    raise NotTaken(f"the API answers {status}: {_detail(response)}", status)


def _detail(response: httpx.Response) -> str:
    return " ".join(response.text.split())[:500]


def _retry_after_s(response: httpx.Response) -> float | None:
    """Retry-After in seconds from now; None without one that can be read."""
    value = response.headers.get("Retry-After", "").strip()
    if value.isascii() and value.isdigit():
        return float(value)
    try:
        at = parsedate_to_datetime(value)
        sent = parsedate_to_datetime(response.headers["Date"])
    except (ValueError, KeyError):
        return None
    return max((at - sent).total_seconds(), 0.0)


def reply_of(body: Any) -> Reply:
    """What the API says of a question, from the body in which it says so. Raises UserError for any other."""
    try:
        status = body["status"]
        if status not in ("found", "pending", "error"):
            raise UserError(f"The API answers with status {status!r}; expected: found, pending or error. Do the versions match?")
        error = body.get("error")
        resolved_at = datetime.fromisoformat(body["resolved_at"]) if body.get("resolved_at") else None
        message = f"{error['cause']}: {error['message']}" if error else None
        return Reply(status, UUID(str(body["question_id"])), body.get("source"), message, resolved_at)
    except (KeyError, TypeError, ValueError) as err:
        raise UserError(f"The API answers what is no reply to a question: {str(body)[:200]}. Do the versions match?") from err
