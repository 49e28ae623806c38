"""The door to PostgreSQL: whoever needs a connection gets it here, with times in UTC and an end to every wait."""

import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any, NamedTuple

import psycopg2
from psycopg2.extensions import connection as Connection
from psycopg2.extensions import cursor as Cursor
from psycopg2.extensions import parse_dsn
from psycopg2.extras import register_uuid
from psycopg2.pool import ThreadedConnectionPool

from streaming.postgres.errors import translated
from streaming.postgres.login import SETTING, connect_failure

CONNECT_TIMEOUT_S = 3
# Ends of a command's statements: one that looks something up or writes a little, and one that reads a run, a day or a dataset whole.
LOOK_UP_S, WHOLE_S = 60.0, 600.0

register_uuid()  # type: ignore[no-untyped-call]


def arguments(url: str, statement_s: float, options: str = "", **own: str) -> dict[str, Any]:
    """Arguments for psycopg2. PostgreSQL ends a statement after `statement_s`; `options` and `own` win over the URL's."""
    given = parse_dsn(url)
    all_options = f"-c timezone=UTC -c statement_timeout={statement_s * 1000:.0f} {given.get('options', '')} {options}"
    # Keepalives notice a dead peer while the connection is idle, the user timeout while a query that was sent is not acknowledged.
    keepalive = {"keepalives_idle": 5, "keepalives_interval": 2, "keepalives_count": 3, "tcp_user_timeout": 10_000}
    return {"connect_timeout": CONNECT_TIMEOUT_S, **keepalive, **given, **own, "options": " ".join(all_options.split())}


def connect(url: str, statement_s: float, setting: str = SETTING, **own: str) -> Connection:
    """A connection that the caller closes; `setting` names the address, `own` as in `arguments`. Raises Unreachable, LoginRefused."""
    where = arguments(url, statement_s, **own)
    try:
        opened: Connection = psycopg2.connect(**where)
    except psycopg2.OperationalError as err:
        raise connect_failure(err, where, setting) from err
    return opened


@contextmanager
def connected(url: str, statement_s: float) -> Iterator[Connection]:
    """A connection for the length of the block. Raises what `connect` does, and what `errors` makes of the errors within."""
    with translated(), closing(connect(url, statement_s)) as opened:
        yield opened


@contextmanager
def transaction(url: str, statement_s: float) -> Iterator[Cursor]:
    """A transaction on a connection of its own: committed at the end of the block, rolled back by an error. Raises as `connected`."""
    with connected(url, statement_s) as opened, opened, opened.cursor() as cursor:
        yield cursor


class Lent(NamedTuple):
    """A connection that is in use, and the pool that it goes back to."""

    connection: Connection
    pool: ThreadedConnectionPool


class Pool:
    """At most `size` connections for as many threads, opened when they are first needed."""

    def __init__(self, url: str, statement_s: float, size: int) -> None:
        self._arguments = arguments(url, statement_s)
        self._size = size
        self._lock = threading.Lock()
        self._pool: ThreadedConnectionPool | None = None

    def take(self) -> Lent:
        """A connection to work with, which is to be put back. Raises Unreachable, LoginRefused."""
        try:
            with self._lock:
                if self._pool is None:
                    self._pool = ThreadedConnectionPool(self._size, self._size, **self._arguments)
                pool = self._pool
            return Lent(pool.getconn(), pool)
        except psycopg2.OperationalError as err:
            raise connect_failure(err, self._arguments) from err

    def put_back(self, lent: Lent) -> None:
        """Return a connection; what is not committed is rolled back."""
        dead = bool(lent.connection.closed)
        if dead:
            # The server restarted or the network failed: the idle ones are dead too.
            with self._lock:
                if self._pool is lent.pool:
                    self._pool = None
        lent.pool.putconn(lent.connection, close=dead)

    def close(self) -> None:
        """Close every connection."""
        with self._lock:
            pool, self._pool = self._pool, None
        if pool is not None:
            pool.closeall()
