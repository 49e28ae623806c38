import asyncio
import json
import socket
from contextlib import asynccontextmanager

import pytest

from streaming.model.http import MAX_REPLY_BYTES
from streaming.model.ollama import Ollama
from streaming.model.server import Failure, NoReply, Reply, Sampling


@asynccontextmanager
async def server(respond):
    """A server that hands each request's body to `respond(body, writer)`."""
    gone = asyncio.Event()

    async def serve(reader, writer):
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
                length = int(head.split("content-length: ")[1].split("\r\n")[0])
                await respond(json.loads(await reader.readexactly(length)), writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            gone.set()
        finally:
            writer.close()

    listening = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}", gone
    finally:
        listening.close()
        await asyncio.wait_for(gone.wait(), 5)


def client(url, deadline_s=5.0):
    return Ollama(url, Sampling(num_predict=77, temperature=0.5), deadline_s, 4)


def http(body, length=None, status="200 OK"):
    return f"HTTP/1.1 {status}\r\nRetry-After: 3\r\nContent-Length: {len(body) if length is None else length}\r\n\r\n".encode() + body


async def test_the_request_is_explicit_and_holds_the_question_alone():
    seen = []

    async def respond(body, writer):
        seen.append(body)
        writer.write(http(b"{}"))

    async with server(respond) as (url, _), client(url) as ollama:
        await ollama.generate("m", "Why?\nReally?", 0)
        await ollama.generate("m", "Why?\nReally?", 1)
    first, again = seen
    assert first["prompt"] == "Why?\nReally?"
    assert (first["model"], first["stream"], first["think"]) == ("m", False, False)
    assert (first["options"]["num_predict"], first["options"]["temperature"]) == (77, 0.5)
    assert first["options"]["seed"] != again["options"]["seed"]
    assert set(first) == {"model", "system", "prompt", "stream", "think", "options"}


async def test_a_probe_asks_for_one_token():
    seen = []

    async def respond(body, writer):
        seen.append(body)
        writer.write(http(b"{}"))

    async with server(respond) as (url, _), client(url) as ollama:
        await ollama.probe("m")
    assert seen[0]["options"]["num_predict"] == 1


async def test_a_reply_comes_with_status_and_headers():
    async def respond(_, writer):
        writer.write(http(b'{"error":"x"}', status="429 Too Many Requests"))

    async with server(respond) as (url, _), client(url) as ollama:
        reply = await ollama.generate("m", "Why?", 0)
    assert isinstance(reply, Reply)
    assert (reply.address, reply.status, reply.headers["retry-after"], reply.says, reply.answer) == (url, 429, "3", "x", None)


async def test_an_endless_reply_is_cut_and_its_connection_closed():
    async def respond(_, writer):
        writer.write(http(b"x" * 64 * 1024, length=10**12))
        for _ in range(7):
            writer.write(b"x" * 64 * 1024)
        await writer.drain()

    async with server(respond) as (url, gone), client(url) as ollama:
        reply = await ollama.generate("m", "Why?", 0)
        await asyncio.wait_for(gone.wait(), 5)
    assert isinstance(reply, Reply)
    assert (reply.answer, reply.says) == (None, f"the reply is larger than {MAX_REPLY_BYTES // 1024} KiB")


async def test_a_connection_lost_in_mid_reply_is_told_from_one_lost_before_it():
    async def half(_, writer):
        writer.write(http(b'{"response":', length=500))
        writer.close()

    async def nothing(_, writer):
        writer.close()

    async with server(half) as (url, _), client(url) as ollama:
        cut = await ollama.generate("m", "Why?", 0)
    assert isinstance(cut, Reply)
    assert (cut.answer, cut.says) == (None, "the connection was lost after 12 bytes of the reply")
    async with server(nothing) as (url, _), client(url) as ollama:
        lost = await ollama.generate("m", "Why?", 0)
    assert isinstance(lost, NoReply)
    assert lost.failure is Failure.RESET


async def test_nobody_listening_is_no_connection():
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        port = bound.getsockname()[1]
    async with client(f"http://127.0.0.1:{port}") as ollama:
        refused = await ollama.generate("m", "Why?", 0)
    assert isinstance(refused, NoReply)
    assert refused.failure is Failure.CANNOT_CONNECT


@pytest.mark.parametrize("begun", [False, True])
async def test_the_deadline_covers_the_whole_call_and_closes_the_connection(begun):
    async def hang(_, writer):
        if begun:
            writer.write(http(b"{", length=500))

    async with server(hang) as (url, gone), client(url, deadline_s=0.2) as ollama:
        late = await ollama.generate("m", "Why?", 0)
        await asyncio.wait_for(gone.wait(), 5)
    assert isinstance(late, NoReply)
    assert late.failure is Failure.DEADLINE


async def test_cancelling_a_call_closes_its_connection():
    called = asyncio.Event()

    async def hang(_, writer):
        called.set()

    async with server(hang) as (url, gone), client(url) as ollama:
        call = asyncio.create_task(ollama.generate("m", "Why?", 0))
        await asyncio.wait_for(called.wait(), 5)
        call.cancel()
        await asyncio.wait_for(gone.wait(), 5)
