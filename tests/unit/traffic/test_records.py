"""What is recorded survives a database that is away for a while."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from streaming.clock import SystemClock
from streaming.errors import ConfigurationError, Unreachable
from streaming.traffic import records
from streaming.traffic.records import Recorder, Request

START = datetime(2026, 1, 1, tzinfo=UTC)


class Table:
    """Stands for `traffic_requests`."""

    def __init__(self) -> None:
        self.rows: dict[int, Request] = {}
        self.refusals = 0

    def write(self, requests: list[Request]) -> None:
        if self.refusals:
            self.refusals -= 1
            raise Unreachable("PostgreSQL is away")
        self.rows.update({request.request_number: request for request in requests})


@pytest.fixture
def table(monkeypatch: pytest.MonkeyPatch) -> Table:
    table = Table()
    monkeypatch.setattr(Recorder, "_write", lambda self, requests: table.write(requests))
    monkeypatch.setattr(records, "FLUSH_EVERY_S", 0.01)
    return table


async def test_everything_noted_is_written_when_the_block_is_left(table: Table) -> None:
    async with Recorder("unused", "run", SystemClock()) as recorder:
        for number in range(5):
            recorder.note(Request(number, START))
    assert sorted(table.rows) == [0, 1, 2, 3, 4]


async def test_only_the_newest_state_of_a_request_is_kept(table: Table) -> None:
    request = Request(1, START)
    table.refusals = 3
    async with Recorder("unused", "run", SystemClock()) as recorder:
        recorder.note(request)
        request.final_status = "answered"
        recorder.note(request)
    assert table.rows[1].final_status == "answered"
    assert table.refusals == 0


async def test_what_is_noted_is_a_copy(table: Table) -> None:
    request = Request(1, START)
    async with Recorder("unused", "run", SystemClock()) as recorder:
        recorder.note(request)
        request.final_status = "answered"
    assert table.rows[1].final_status is None


async def test_a_database_that_stays_away_is_an_error_in_the_end(table: Table, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(records, "LAST_FLUSH_S", 0.05)
    table.refusals = 10_000
    with pytest.raises(Unreachable, match="1 requests of run run could not be recorded"):
        async with Recorder("unused", "run", SystemClock()) as recorder:
            recorder.note(Request(1, START))


async def test_an_error_of_writing_ends_the_block_at_once_with_its_reason(table: Table, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(self: Recorder, requests: list[Request]) -> None:
        raise ConfigurationError("traffic_requests has no such column")

    async def send() -> None:
        async with Recorder("unused", "run", SystemClock()) as recorder:
            recorder.note(Request(1, START))
            async with asyncio.TaskGroup() as group:
                group.create_task(asyncio.Event().wait())

    monkeypatch.setattr(Recorder, "_write", broken)
    with pytest.raises(ConfigurationError, match="no such column"):
        async with asyncio.timeout(5) as deadline:
            await send()
    assert not deadline.expired()
    task = asyncio.current_task()
    assert task is not None
    assert not task.cancelling()


async def test_a_cancelled_run_still_writes_what_was_noted(table: Table) -> None:
    sending = asyncio.Event()

    async def send() -> None:
        async with Recorder("unused", "run", SystemClock()) as recorder:
            recorder.note(Request(1, START))
            sending.set()
            await asyncio.Event().wait()

    run = asyncio.create_task(send())
    await sending.wait()
    run.cancel()
    with pytest.raises(asyncio.CancelledError):
        await run
    assert list(table.rows) == [1]


def test_latencies_count_from_the_intended_time() -> None:
    request = Request(1, START, sent_at=START + timedelta(seconds=1), first_reply_at=START + timedelta(seconds=1.5))
    assert request.perceived_ms == 1500
    assert request.real_ms is None
