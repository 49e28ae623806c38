"""What the status table says, and how it reads what services say of themselves."""

import io
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

import pytest
from rich.console import Console

from deploy.local import health
from deploy.local.programs import Program
from deploy.local.status import Row, duration, rows, show
from deploy.local.supervisor import State
from streaming.errors import Unreachable


class Supervising:
    """The API runs, without a process that could be measured."""

    def states(self) -> dict[str, State]:
        return {"storage-api": State("storage-api", "RUNNING", 0, 0, "")}


@contextmanager
def answering(*pieces: bytes, every_s: float = 0) -> Iterator[str]:
    """A server that answers one request with these pieces, `every_s` seconds apart: its address."""
    ended = threading.Event()

    def serve(listener: socket.socket) -> None:
        connection, _ = listener.accept()
        with connection:
            connection.recv(65536)
            for piece in pieces:
                try:
                    connection.sendall(piece)
                except OSError:
                    return
                if ended.wait(every_s):
                    return

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve, args=(listener,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}/readyz"
        finally:
            ended.set()
            thread.join(5)


def not_ready(body: str) -> bytes:
    return f"HTTP/1.1 503 Unavailable\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode()


def test_a_service_that_is_not_ready_is_shown_with_each_reason() -> None:
    body = '{"status": "not ready", "problems": {"kafka": "no broker", "partitions": "none is assigned"}}'
    with answering(not_ready(body)) as url, pytest.raises(Unreachable, match="kafka: no broker; partitions: none is assigned"):
        health.http(url)


@pytest.mark.parametrize("body", ["[]", '{"problems": ["x"]}', "null", "<html>"])
def test_a_refusal_without_reasons_is_told_by_its_status(body: str) -> None:
    with answering(not_ready(body)) as url, pytest.raises(Unreachable, match="503"):
        health.http(url)


@pytest.mark.parametrize("said", [b"nothing like HTTP\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{"])
def test_whoever_breaks_off_or_speaks_no_http_is_unreachable(said: bytes) -> None:
    with answering(said) as url, pytest.raises(Unreachable):
        health.http(url)


def test_a_reply_that_drips_is_given_up_within_the_deadline() -> None:
    began = time.monotonic()
    with (
        answering(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n", *[b" "] * 1000, every_s=0.2) as url,
        pytest.raises(Unreachable, match="not within"),
    ):
        health.http(url)
    assert time.monotonic() - began < 6


def test_a_reason_is_shown_whole_and_in_red_whatever_is_in_it() -> None:
    reason = f"topics: [/x] is missing; {'long ' * 30}end"
    program = Program(name="llm-consumer", command=(), address="", ports=(), alive=lambda: None, ready=lambda: None)
    shown = io.StringIO()
    show(
        [Row(program, State("llm-consumer", "RUNNING", 1, 0, ""), 0, reason)],
        0,
        Console(file=shown, width=400, force_terminal=True, color_system="standard"),
    )
    assert "[/x] is missing" in shown.getvalue()
    assert "long end" in shown.getvalue()
    assert "\x1b[31mtopics" in shown.getvalue()


def test_a_ready_service_that_works_around_something_is_shown_ready_with_what_it_is() -> None:
    body = '{"status": "ready", "problems": {"redis": "Redis refuses to store answers: OOM [x]"}}'
    reply = f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode()
    with answering(reply) as url:
        program = Program(name="storage-api", command=(), address="", ports=(), alive=lambda: None, ready=partial(health.readiness, url))
        (row,) = rows([program], Supervising())  # type: ignore[arg-type]
    assert row.trouble is None
    shown = io.StringIO()
    show([row], 0, Console(file=shown, width=400))
    assert "ready, without redis: Redis refuses to store answers: OOM [x]" in shown.getvalue()


@pytest.mark.parametrize("body", ["[]", "null", "text", "{}", '{"problems": {}}', '{"problems": [1]}'])
def test_a_ready_service_that_says_nothing_more_is_ready(body: str) -> None:
    with answering(f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode()) as url:
        assert health.readiness(url) is None


@pytest.mark.parametrize(("seconds", "text"), [(0, "0s"), (59.9, "59s"), (90, "1m 30s"), (3660, "1h 1m"), (90_061, "1d 1h")])
def test_a_duration_is_told_in_two_units(seconds: float, text: str) -> None:
    assert duration(seconds) == text
