"""Two API processes on the stack's own PostgreSQL and Kafka."""

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from uuid import UUID, uuid4

import confluent_kafka as ck
import httpx
import psycopg2
import pytest

from streaming import topics
from streaming.identity import question_id
from streaming.kafka.client import TopicPartition
from streaming.kafka.positions import KafkaPositions
from streaming.settings import Settings
from tests.integration.storage_bench import DEADLINE_S, until

pytestmark = pytest.mark.integration

START_S = 60


@contextmanager
def api_process(**environment: str) -> Iterator[str]:
    """The address of an API process of its own, ready."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    variables = {**os.environ, "ANSWERLOOP_API_PORT": str(port), **environment}
    process = subprocess.Popen([sys.executable, "-m", "streaming", "storage-api"], env=variables)
    address = f"http://127.0.0.1:{port}"
    try:
        deadline = time.monotonic() + START_S
        while not _alive(address):
            assert process.poll() is None, "the process ended"
            assert time.monotonic() < deadline, "the process does not answer"
            time.sleep(0.1)
        yield address
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(START_S) in (0, -signal.SIGTERM), "it did not end cleanly"


def _alive(address: str) -> bool:
    try:
        return httpx.get(f"{address}/healthz", timeout=2).status_code == 200
    except httpx.TransportError:
        return False


@pytest.fixture(scope="module")
def addresses() -> Iterator[list[str]]:
    with ExitStack() as processes:
        yield [processes.enter_context(api_process()) for _ in range(2)]


@pytest.fixture
async def http() -> AsyncIterator[httpx.AsyncClient]:
    limits = httpx.Limits(max_connections=200)
    async with httpx.AsyncClient(timeout=DEADLINE_S, limits=limits) as client:
        yield client


def pending_ends(settings: Settings) -> dict[TopicPartition, int]:
    return {place: log.end for place, log in KafkaPositions(settings.kafka_bootstrap).logs([topics.PENDING]).items()}


def messages(settings: Settings, since: Mapping[TopicPartition, int], question: UUID) -> int:
    """How many messages for a question's first attempt came into questions-pending after these offsets.

    The loop behind may have answered already, poorly, and ask again.
    """
    until = pending_ends(settings)
    consumer = ck.Consumer({"bootstrap.servers": settings.kafka_bootstrap, "group.id": f"test-{uuid4()}", "enable.auto.commit": False})
    consumer.assign([ck.TopicPartition(*partition, offset) for partition, offset in since.items()])
    unread = sum(until[partition] - offset for partition, offset in since.items())
    found, deadline = 0, time.monotonic() + DEADLINE_S
    while unread:
        assert time.monotonic() < deadline, f"{unread} records of questions-pending cannot be read"
        message = consumer.poll(1.0)
        if message is not None and message.error() is None:
            unread -= 1
            found += message.key() == str(question).encode() and json.loads(message.value() or b"")["retry_count"] == 0
    consumer.close()
    return found


async def enqueued(settings: Settings, question: UUID | str) -> None:
    async def look() -> bool:
        with psycopg2.connect(settings.database_url) as connection, connection.cursor() as cursor:
            cursor.execute("SELECT 1 FROM questions WHERE question_id = %s AND enqueued_at IS NOT NULL", (str(question),))
            found = cursor.fetchone() is not None
        connection.close()
        return found

    await until(look, f"{question} is enqueued")


async def test_two_processes_asked_a_hundred_times_each_send_one_message(addresses: list[str], http: httpx.AsyncClient) -> None:
    settings, answer_set = Settings(), f"test-{uuid4().hex}"
    before = pending_ends(settings)
    body = {"question_text": "one of many?", "original_answer": "one", "answer_set": answer_set}
    replies = await asyncio.gather(*(http.post(f"{address}/questions", json=body) for _ in range(100) for address in addresses))
    assert {reply.status_code for reply in replies} <= {200, 202}
    assert {reply.json()["question_id"] for reply in replies} == {str(question_id(answer_set, "one of many?"))}
    assert len({reply.json()["submission_id"] for reply in replies}) == 1
    # The outbox is emptied in order: once later questions of both processes are sent, no second message of the first can follow.
    for number, address in enumerate(addresses):
        later = await http.post(f"{address}/questions", json={"question_text": f"later {number}?", "answer_set": answer_set})
        await enqueued(settings, later.json()["question_id"])
    await enqueued(settings, replies[0].json()["question_id"])
    assert await asyncio.to_thread(messages, settings, before, question_id(answer_set, "one of many?")) == 1


async def test_sigterm_sends_everybody_who_waits_home_with_a_reply(http: httpx.AsyncClient) -> None:
    with ExitStack() as process:
        address = process.enter_context(api_process())
        asked = await http.post(f"{address}/questions", json={"question_text": "slow?", "answer_set": f"test-{uuid4().hex}"})
        if asked.json()["status"] != "pending":
            pytest.skip("answered before it could be waited for")
        poll = asyncio.create_task(http.get(f"{address}/questions/{asked.json()['question_id']}", params={"wait": 60}))

        async def waiting() -> bool:
            return "answerloop_waiters 1.0" in (await http.get(f"{address}/metrics")).text or poll.done()

        await until(waiting, "one waits")
        await asyncio.to_thread(process.close)
    assert (await asyncio.wait_for(poll, DEADLINE_S)).status_code == 200


def test_an_open_address_without_a_token_is_refused_with_what_to_do() -> None:
    environment = {**os.environ, "ANSWERLOOP_HOST": "0.0.0.0"}
    environment.pop("ANSWERLOOP_API_TOKEN", None)
    done = subprocess.run(
        [sys.executable, "-m", "streaming", "storage-api"], env=environment, capture_output=True, text=True, timeout=START_S, check=False
    )
    assert done.returncode != 0
    assert "ANSWERLOOP_API_TOKEN" in done.stderr


async def test_a_token_is_asked_for_once_it_is_set(http: httpx.AsyncClient) -> None:
    with api_process(ANSWERLOOP_API_TOKEN="secret") as address:
        assert (await http.get(f"{address}/readyz")).status_code == 401
        assert (await http.get(f"{address}/readyz", headers={"Authorization": "Bearer secret"})).status_code == 200
        assert (await http.get(f"{address}/healthz")).status_code == 200
