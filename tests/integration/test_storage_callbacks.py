"""Callbacks from a real PostgreSQL to a real receiver on loopback."""

import asyncio
import base64
import hashlib
import hmac
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import pytest
from pydantic import SecretStr

from streaming.storage import callbacks, webhook
from tests.integration.storage_bench import Storage, storage, until
from tests.unit.storage.messages import Submission

pytestmark = pytest.mark.integration

KEY = bytes(range(32))
SECRET = SecretStr("whsec_" + base64.b64encode(KEY).decode())
OPEN: dict[str, Any] = {"callback_hosts": ("127.0.0.1", "localhost"), "callback_secret": SECRET, "callback_allow_private": True}


@pytest.fixture
def bench() -> Iterator[Storage]:
    with storage() as made:
        yield made


@dataclass
class Receiver:
    """Keeps what it is sent, and answers with the given statuses in turn, then with 204."""

    port: int = 0
    statuses: list[int] = field(default_factory=list)
    received: list[tuple[dict[str, str], bytes]] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/done"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while head := await reader.readuntil(b"\r\n\r\n"):
            fields = (line.split(": ", 1) for line in head.decode().split("\r\n")[1:] if line)
            headers = {name.lower(): value for name, value in fields}
            self.received.append((headers, await reader.readexactly(int(headers["content-length"]))))
            status = self.statuses.pop(0) if self.statuses else 204
            writer.write(f"HTTP/1.1 {status} X\r\ncontent-length: 0\r\nlocation: {self.url}\r\n\r\n".encode())


@asynccontextmanager
async def receiver(*statuses: int) -> AsyncIterator[Receiver]:
    made = Receiver(statuses=list(statuses))

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await made.serve(reader, writer)
        except asyncio.IncompleteReadError:
            writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        made.port = server.sockets[0].getsockname()[1]
        yield made


async def pending(bench: Storage, api: Any, url: str, text: str = "why?") -> Submission:
    reply = await bench.ask(api, text, callback_url=url)
    assert reply.status_code == 202, reply.text
    return Submission(UUID(reply.json()["question_id"]), UUID(reply.json()["submission_id"]))


def rows(bench: Storage) -> list[dict[str, Any]]:
    return bench.rows("SELECT * FROM callbacks")


async def test_a_result_is_sent_once_signed_and_as_get_tells_it(bench: Storage) -> None:
    async with receiver() as called, bench.api(**OPEN) as api:
        asked = await pending(bench, api, called.url)
        await pending(bench, api, called.url)
        await bench.persist(asked.validated(0.9))

        async def settled() -> bool:
            return all(row["delivered_at"] for row in rows(bench))

        await until(settled, "the callback is delivered")
        told = (await api.get(f"/questions/{asked.question_id}")).json()
    ((headers, content),) = called.received
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + content
    assert headers["webhook-signature"] == "v1," + base64.b64encode(hmac.new(KEY, signed, hashlib.sha256).digest()).decode()
    sent = json.loads(content)
    assert sent["type"] == "question.answered"
    assert {**sent["data"], "source": ""} == {**told, "source": ""}


async def test_a_question_that_ended_before_is_told_at_once_and_a_failure_too(bench: Storage) -> None:
    async with receiver() as called, bench.api(**OPEN) as api:
        asked = await pending(bench, api, called.url)
        await bench.persist(asked.fatal("model_missing", retry_count=0))

        async def told(times: int) -> bool:
            return len(called.received) == times

        await until(lambda: told(1), "the failure is told")
        assert (await bench.ask(api, "why?", callback_url=called.url)).status_code == 200
        await until(lambda: told(2), "and told again to whoever asks again")
    assert {json.loads(content)["type"] for _, content in called.received} == {"question.failed"}


async def test_a_receiver_that_errs_or_redirects_is_tried_again_under_the_same_id(bench: Storage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webhook, "DELAYS_S", (0.05, 0.05, 0.05))
    async with receiver(500, 302) as called, bench.api(**OPEN) as api:
        asked = await pending(bench, api, called.url)
        await bench.persist(asked.validated(0.9))

        async def delivered() -> bool:
            return rows(bench)[0]["delivered_at"] is not None

        await until(delivered, "the third try is taken")
    assert len(called.received) == 3
    assert len({headers["webhook-id"] for headers, _ in called.received}) == 1


async def test_a_receiver_that_never_takes_it_is_given_up_with_the_reason(bench: Storage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webhook, "DELAYS_S", (0.05,))
    async with receiver(500, 503) as called, bench.api(**OPEN) as api:
        asked = await pending(bench, api, called.url)
        await bench.persist(asked.validated(0.9))

        async def given_up() -> bool:
            return rows(bench)[0]["given_up_at"] is not None

        await until(given_up, "the tries end")
    assert rows(bench)[0]["last_error"] == "the receiver answers 503"
    assert rows(bench)[0]["tries"] == len(called.received) == 2


async def test_a_name_that_leads_to_this_machine_is_never_called(bench: Storage, monkeypatch: pytest.MonkeyPatch) -> None:
    # Plain HTTP is let through at the door, so that the address alone decides.
    monkeypatch.setattr(webhook.CallbackPolicy, "check_url", lambda self, url: None)
    async with receiver() as called, bench.api(**{**OPEN, "callback_allow_private": False}) as api:
        asked = await pending(bench, api, called.url.replace("127.0.0.1", "localhost"))
        await bench.persist(asked.validated(0.9))

        async def given_up() -> bool:
            return rows(bench)[0]["given_up_at"] is not None

        await until(given_up, "it is given up")
    assert "not a public address" in rows(bench)[0]["last_error"]
    assert called.received == []


async def test_a_sender_that_dies_with_a_callback_leaves_it_to_the_next(bench: Storage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(callbacks, "LEASE", callbacks.LEASE * 0)
    async with receiver() as called:
        async with bench.api(**OPEN) as api:
            asked = await pending(bench, api, called.url)
        await bench.persist(asked.validated(0.9))
        bench.rows("UPDATE callbacks SET tries = 1")
        async with bench.api(**OPEN):

            async def delivered() -> bool:
                return rows(bench)[0]["delivered_at"] is not None

            await until(delivered, "the next process delivers it")
    assert len(called.received) >= 1


async def test_without_allowed_hosts_callbacks_are_off_and_the_reply_says_so(bench: Storage) -> None:
    async with bench.api() as api:
        reply = await bench.ask(api, "why?", callback_url="https://hooks.example.org/")
        other = await bench.ask(api, "why?")
    assert reply.status_code == 422
    assert reply.json()["detail"][0]["loc"] == ["body", "callback_url"]
    assert "ANSWERLOOP_CALLBACK_HOSTS" in reply.json()["detail"][0]["msg"]
    assert other.status_code == 202
