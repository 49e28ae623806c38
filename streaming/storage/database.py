"""PostgreSQL for coroutines: psycopg2 in a bounded set of threads, one pooled connection each."""

import asyncio
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import TypeVar

from psycopg2.extensions import connection as Connection

from streaming.errors import TookTooLong, Unreachable
from streaming.postgres.connect import Pool
from streaming.postgres.errors import translated

T = TypeVar("T")

STATEMENT_S = 15.0
DEADLINE_S = 20.0


class _ConnectionDied(Unreachable):
    """The connection, which may have lain idle for long, is of no more use."""


class Transaction:
    """An open transaction on a connection of its own."""

    def __init__(self, database: "Database", connection: Connection) -> None:
        self._database = database
        self._connection = connection

    async def run(self, work: Callable[[Connection], T]) -> T:
        """What `work` returns; nothing is committed yet."""
        return await self._database.in_thread(lambda: _done(work, self._connection))


class Database:
    """A pool of at most `size` connections, opened when they are first needed.

    Every call raises Unreachable while PostgreSQL is away, ConfigurationError while its tables are missing (LoginRefused where it takes
    no login), and RefusedByDatabase for rows that it will never take.
    """

    def __init__(self, url: str, size: int) -> None:
        self._pool = Pool(url, STATEMENT_S, size)
        self._threads = ThreadPoolExecutor(size, thread_name_prefix="postgresql")

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
        lent = await self.in_thread(self._pool.take)
        try:
            lent.connection.autocommit = False
            yield Transaction(self, lent.connection)
            await self.in_thread(lambda: _done(lambda held: held.commit(), lent.connection))
        finally:
            await self.in_thread(lambda: self._pool.put_back(lent))

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
        self._pool.close()

    def _run(self, work: Callable[[Connection], T], autocommit: bool) -> T:
        try:
            return self._once(work, autocommit)
        except _ConnectionDied:
            return self._once(work, autocommit)

    def _once(self, work: Callable[[Connection], T], autocommit: bool) -> T:
        lent = self._pool.take()
        try:
            lent.connection.autocommit = autocommit
            result = _done(work, lent.connection)
            _done(lambda held: held.commit(), lent.connection)
            return result
        finally:
            self._pool.put_back(lent)


def _done(work: Callable[[Connection], T], connection: Connection) -> T:
    try:
        with translated():
            return work(connection)
    except Unreachable as err:
        if connection.closed:
            raise _ConnectionDied(str(err)) from err
        raise
