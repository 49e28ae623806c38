"""PostgreSQL for coroutines: psycopg2 in a bounded set of threads, one pooled connection each."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import Any, TypeVar

import psycopg2
from psycopg2 import errors as pg
from psycopg2.extensions import connection as Connection
from psycopg2.extensions import parse_dsn
from psycopg2.extras import register_uuid
from psycopg2.pool import ThreadedConnectionPool

from streaming.errors import ConfigurationError, RefusedByDatabase, TookTooLong, Unreachable
from streaming.login import connect_failure

T = TypeVar("T")

CONNECT_TIMEOUT_S = 3
STATEMENT_TIMEOUT_MS = 15_000
DEADLINE_S = 20.0

register_uuid()  # type: ignore[no-untyped-call]


def connect_arguments(url: str) -> dict[str, Any]:
    """Arguments for psycopg2: times in UTC, bounded waits, and a dead peer noticed; options in the URL are kept."""
    given = parse_dsn(url)
    options = f"-c timezone=UTC -c statement_timeout={STATEMENT_TIMEOUT_MS} {given.get('options', '')}"
    # Keepalives notice a dead peer while the connection is idle, the user timeout while a query that was sent is not acknowledged.
    keepalive = {"keepalives_idle": 5, "keepalives_interval": 2, "keepalives_count": 3, "tcp_user_timeout": 10_000}
    return {"connect_timeout": CONNECT_TIMEOUT_S, **keepalive, **given, "options": options.strip()}


class _ConnectionDied(Unreachable):
    """The connection, which may have lain idle for long, is of no more use."""


class Transaction:
    """An open transaction on a connection of its own."""

    def __init__(self, database: "Database", connection: Connection) -> None:
        self._database = database
        self._connection = connection

    async def run(self, work: Callable[[Connection], T]) -> T:
        """What `work` returns; nothing is committed yet."""
        return await self._database.in_thread(lambda: _translated(work, self._connection))


class Database:
    """A pool of at most `size` connections, opened when they are first needed.

    Every call raises Unreachable while PostgreSQL is away, ConfigurationError while its tables are missing (LoginRefused where it takes
    no login), and RefusedByDatabase for rows that it will never take.
    """

    def __init__(self, url: str, size: int) -> None:
        self._arguments = connect_arguments(url)
        self._size = size
        self._threads = ThreadPoolExecutor(size, thread_name_prefix="postgresql")
        self._lock = threading.Lock()
        self._pool: ThreadedConnectionPool | None = None

    async def run(self, work: Callable[[Connection], T]) -> T:
        """What `work` returns; each of its statements commits by itself, in one round trip.

        As in `atomic`, work runs again if its connection proves to be dead, so it must be idempotent.
        """
        return await self.in_thread(lambda: self._run(work, autocommit=True))

    async def atomic(self, work: Callable[[Connection], T]) -> T:
        """What `work` returns, all of it committed in one transaction."""
        return await self.in_thread(lambda: self._run(work, autocommit=False))

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Transaction]:
        """A transaction that stays open between calls: committed at the end, rolled back by an error."""
        pool, connection = await self.in_thread(self._connected)
        try:
            connection.autocommit = False
            yield Transaction(self, connection)
            await self.in_thread(lambda: _translated(lambda held: held.commit(), connection))
        finally:
            await self.in_thread(lambda: self._put_back(pool, connection))

    async def in_thread(self, work: Callable[[], T]) -> T:
        """Run blocking work on one of the pool's threads. Raises Unreachable past the deadline."""
        future = asyncio.get_running_loop().run_in_executor(self._threads, work)
        try:
            async with asyncio.timeout(DEADLINE_S):
                return await future
        except TimeoutError as err:
            raise TookTooLong(f"PostgreSQL does not answer within {DEADLINE_S:.0f} s") from err

    def close(self) -> None:
        """Close every connection; what still runs is waited for by nobody."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        with self._lock:
            pool, self._pool = self._pool, None
        if pool is not None:
            pool.closeall()

    def _run(self, work: Callable[[Connection], T], autocommit: bool) -> T:
        try:
            return self._once(work, autocommit)
        except _ConnectionDied:
            return self._once(work, autocommit)

    def _once(self, work: Callable[[Connection], T], autocommit: bool) -> T:
        pool, connection = self._connected()
        try:
            connection.autocommit = autocommit
            result = _translated(work, connection)
            _translated(lambda held: held.commit(), connection)
            return result
        finally:
            self._put_back(pool, connection)

    def _connected(self) -> tuple[ThreadedConnectionPool, Connection]:
        def connect() -> tuple[ThreadedConnectionPool, Connection]:
            with self._lock:
                if self._pool is None:
                    self._pool = ThreadedConnectionPool(self._size, self._size, **self._arguments)
                pool = self._pool
            return pool, pool.getconn()

        try:
            return connect()
        except psycopg2.OperationalError as err:
            raise connect_failure(err, self._arguments) from err

    def _put_back(self, pool: ThreadedConnectionPool, connection: Connection) -> None:
        """Return a connection; the pool rolls back what is not committed."""
        if connection.closed:
            # The server restarted or the network failed: the idle ones are dead too.
            with self._lock:
                if self._pool is pool:
                    self._pool = None
        pool.putconn(connection, close=bool(connection.closed))


def _translated(work: Callable[[Connection], T], connection: Connection) -> T:
    try:
        return _translate(lambda: work(connection))
    except Unreachable as err:
        if connection.closed:
            raise _ConnectionDied(str(err)) from err
        raise


def _translate(work: Callable[[], T]) -> T:
    try:
        return work()
    except (pg.ProgramLimitExceeded, psycopg2.DataError, psycopg2.IntegrityError) as err:
        raise RefusedByDatabase(_reason(err)) from err
    except pg.InsufficientPrivilege as err:
        raise ConfigurationError(f"PostgreSQL does not allow this ({_reason(err)}): run `python -m streaming provision`") from err
    except (pg.UndefinedTable, pg.UndefinedColumn, pg.UndefinedFunction, pg.InvalidSchemaName, pg.InvalidCatalogName) as err:
        raise ConfigurationError(f"PostgreSQL lacks what this needs ({_reason(err)}): run `python -m streaming provision`") from err
    except pg.QueryCanceled as err:
        raise TookTooLong(f"PostgreSQL ended a statement at its timeout: {_reason(err)}") from err
    except (psycopg2.OperationalError, psycopg2.InterfaceError, psycopg2.InternalError) as err:
        raise Unreachable(f"PostgreSQL cannot be used now: {_reason(err)}") from err


def _reason(err: psycopg2.Error) -> str:
    return str(err).strip().splitlines()[0] if str(err).strip() else type(err).__name__
