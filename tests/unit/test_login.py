"""A login that PostgreSQL refuses ends the process with a sentence; a server that is away is waited for."""

import asyncio
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import httpx
import psycopg2
import pytest

from streaming import provision
from streaming.clock import ManualClock
from streaming.errors import ConfigurationError, LoginRefused, Unreachable
from streaming.login import connect_failure
from streaming.postgres.connect import connected
from streaming.sampler import store
from streaming.sampler.service import Sampler, Targets
from streaming.storage import database as module
from streaming.storage.callbacks import Callbacks
from streaming.storage.database import Database
from streaming.storage.enqueuer import Enqueuer
from streaming.storage.waiting import Listener, Waiters

URL = "postgresql://asker:TOPSECRET@db.example:5433/loop"
WHERE = {"user": "asker", "password": "TOPSECRET", "host": "db.example", "port": "5433", "dbname": "loop"}
FAILED = 'connection to server at "db.example" (10.0.0.1), port 5433 failed: '
WRONG_PASSWORD = FAILED + 'FATAL:  password authentication failed for user "asker"'

REFUSED = [
    WRONG_PASSWORD,
    FAILED + 'FATAL:  Peer authentication failed for user "asker"',
    FAILED + "fe_sendauth: no password supplied",
    FAILED + 'FATAL:  role "asker" does not exist',
    FAILED + 'FATAL:  role "asker" is not permitted to log in',
    FAILED + 'FATAL:  database "loop" does not exist',
    FAILED + 'FATAL:  permission denied for database "loop"\nDETAIL:  User does not have CONNECT privilege.',
    FAILED + 'FATAL:  no pg_hba.conf entry for host "10.0.0.9", user "asker", database "loop", no encryption',
    "\n".join(
        FAILED + f'FATAL:  no pg_hba.conf entry for host "10.0.0.9", user "asker", database "loop", {how}'
        for how in ("SSL encryption", "no encryption")
    ),
    FAILED + 'FATAL:  pg_hba.conf rejects connection for host "10.0.0.9", user "asker", database "loop", no encryption',
    f'connection to server at "localhost" (::1), port 5433 failed: Connection refused\n{WRONG_PASSWORD}',
]
AWAY = [
    FAILED + "Connection refused\n\tIs the server running on that host and accepting TCP/IP connections?",
    FAILED + "timeout expired",
    FAILED + "server closed the connection unexpectedly",
    FAILED + "FATAL:  the database system is starting up",
    FAILED + "FATAL:  the database system is shutting down",
    FAILED + "FATAL:  the database system is in recovery mode",
    FAILED + "FATAL:  the database system is not yet accepting connections\nDETAIL:  Consistent recovery state has not been yet reached.",
    FAILED + "FATAL:  sorry, too many clients already",
    FAILED + 'FATAL:  too many connections for role "asker"',
    FAILED + "FATAL:  remaining connection slots are reserved for roles with the SUPERUSER attribute",
    FAILED + 'FATAL:  database "loop" is not currently accepting connections',
    'could not translate host name "db.example" to address: Temporary failure in name resolution',
    f"{FAILED}FATAL:  the database system is starting up\n{WRONG_PASSWORD}",
    "",
]


@pytest.mark.parametrize("message", REFUSED)
def test_a_refused_login_names_the_setting_the_user_the_database_and_the_server_and_no_password(message: str) -> None:
    failure = connect_failure(psycopg2.OperationalError(message + "\n"), WHERE)
    assert isinstance(failure, LoginRefused)
    assert all(word in str(failure) for word in ("ANSWERLOOP_DATABASE_URL", "'asker'", "'loop'", "db.example:5433"))
    assert "TOPSECRET" not in str(failure)
    assert "\n" not in str(failure)


@pytest.mark.parametrize("message", AWAY)
def test_a_server_that_is_away_starts_stops_or_is_full_is_tried_again(message: str) -> None:
    failure = connect_failure(psycopg2.OperationalError(message), WHERE)
    assert isinstance(failure, Unreachable)
    assert "db.example:5433" in str(failure)
    assert "TOPSECRET" not in str(failure)


@pytest.fixture
def message(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What every connect fails with; the first of the list."""
    message = [WRONG_PASSWORD]

    def connect(*_: Any, **__: Any) -> None:
        raise psycopg2.OperationalError(message[0])

    for place in (psycopg2, provision.psycopg2):
        monkeypatch.setattr(place, "connect", connect)
    monkeypatch.setattr(module, "ThreadedConnectionPool", connect)
    monkeypatch.setattr(provision, "get_backend", connect)
    return message


@pytest.mark.parametrize(
    "connecting",
    [
        lambda: asyncio.run(Database(URL, 1).run(lambda _: None)),
        lambda: connected(URL).__enter__(),
        lambda: store.transaction(URL).__enter__(),
        lambda: provision.migrate(URL),
    ],
    ids=["services", "runs and reports", "sampler", "provisioning"],
)
def test_whoever_connects_tells_a_refused_login_from_a_server_that_is_away(connecting: Any, message: list[str]) -> None:
    with pytest.raises(LoginRefused, match="ANSWERLOOP_DATABASE_URL"):
        connecting()
    message[0] = AWAY[3]
    with pytest.raises(Unreachable, match="starting up"):
        connecting()


def refusing() -> Any:
    """A database that takes no login."""

    class Refusing:
        async def run(self, work: Any) -> Any:
            raise LoginRefused("the password is wrong")

        @asynccontextmanager
        async def transaction(self) -> Any:
            raise LoginRefused("the password is wrong")
            yield

    return Refusing()


def clock() -> ManualClock:
    return ManualClock(datetime(2026, 1, 1, tzinfo=UTC))


@pytest.mark.parametrize(
    "working",
    [
        lambda: Enqueuer(refusing(), None, clock(), 1).run(),  # type: ignore[arg-type]
        lambda: Callbacks(refusing(), None, None, clock()).run(),  # type: ignore[arg-type]
        lambda: Listener(URL, Waiters(), clock()).run(),
    ],
    ids=["enqueuer", "callbacks", "listener"],
)
async def test_what_works_for_ever_ends_where_no_login_is_taken(working: Any, message: list[str]) -> None:
    async with asyncio.timeout(5):
        with pytest.raises(LoginRefused):
            await working()


async def test_a_listener_goes_on_while_postgresql_starts(message: list[str]) -> None:
    message[0] = AWAY[3]
    listener = Listener(URL, Waiters(), clock())
    running = asyncio.create_task(listener.run())
    async with asyncio.timeout(5):
        while "starting up" not in (listener.problem or ""):
            await asyncio.sleep(0.005)
    assert not running.done()
    running.cancel()


class Nothing:
    """A cluster without topics."""

    def partitions(self, topics: Any) -> list[Any]:
        return []

    def logs(self, topics: Any) -> dict[Any, Any]:
        return {}

    def positions(self, group: str, partitions: Any) -> dict[Any, Any]:
        return {}


def test_a_sampler_ends_where_no_login_is_taken_and_goes_on_while_postgresql_is_away(message: list[str]) -> None:
    with httpx.Client(transport=httpx.MockTransport(lambda _: httpx.Response(503))) as http:
        sampler = Sampler(URL, Nothing(), http, Targets(http), clock())
        with pytest.raises(ConfigurationError, match="ANSWERLOOP_DATABASE_URL"):
            sampler.sample()
        message[0] = AWAY[0]
        sampler.sample()
    assert "kafka" in sampler.problems
