"""PostgreSQL as the pages read it: a few connections kept open, every wait with an end, nothing ever written."""

from collections.abc import Mapping
from functools import cache
from typing import Any

from psycopg2 import errors as pg
from psycopg2.extensions import parse_dsn
from sqlalchemy import Engine, create_engine, make_url
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as NoneFree

from streaming.errors import ConfigurationError, Unreachable
from streaming.login import connect_failure

CONNECTIONS = 8
CONNECT_TIMEOUT_S = 3
STATEMENT_TIMEOUT_MS = 5_000
Row = Mapping[str, Any]


class Database:
    """Reads rows. Every call raises Unreachable, or ConfigurationError while tables or rights are missing."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._engine = _engine(url)

    def rows(self, query: str, **parameters: object) -> list[Row]:
        """The rows of a query whose parameters are `%(name)s`."""
        try:
            with self._engine.connect() as connection:
                return [dict(row) for row in connection.exec_driver_sql(query, parameters).mappings()]
        except NoneFree as err:
            raise Unreachable("All connections of the pages to PostgreSQL are in use: load the page again in a moment.") from err
        except DBAPIError as err:
            raise _translated(err, self._url) from err

    def row(self, query: str, **parameters: object) -> Row | None:
        """The first row, None where there is none."""
        return next(iter(self.rows(query, **parameters)), None)


@cache
def _engine(url: str) -> Engine:
    options = f"-c statement_timeout={STATEMENT_TIMEOUT_MS} -c default_transaction_read_only=on -c timezone=UTC"
    if "options=" in url:
        url, options = _with_its_own(url, options)
    return create_engine(
        # Named: which driver an address without one means depends on SQLAlchemy's version, and errors are told apart by psycopg2's.
        make_url(url).set(drivername="postgresql+psycopg2"),
        pool_size=CONNECTIONS // 2,
        max_overflow=CONNECTIONS - CONNECTIONS // 2,
        pool_timeout=CONNECT_TIMEOUT_S,
        # A connection that a restart of PostgreSQL has cut is found before a page trips over it.
        pool_pre_ping=True,
        isolation_level="AUTOCOMMIT",
        connect_args={"connect_timeout": CONNECT_TIMEOUT_S, "options": options, "application_name": "answerloop_pages"},
    )


def _with_its_own(url: str, options: str) -> tuple[str, str]:
    """The address without its `options`, and those before ours."""
    given = make_url(url)
    own = given.query["options"]
    return given.difference_update_query(["options"]).render_as_string(hide_password=False), f"{own} {options}"


def _translated(err: DBAPIError, url: str) -> Exception:
    first_line = str(err.orig).strip().splitlines()[0]
    if isinstance(err.orig, (pg.UndefinedTable, pg.UndefinedColumn)):
        return ConfigurationError(f"PostgreSQL lacks a table ({first_line}): start the DAG `provision`.")
    if isinstance(err.orig, pg.InsufficientPrivilege):
        return ConfigurationError(f"PostgreSQL does not let the pages read this ({first_line}): start the DAG `provision`.")
    if isinstance(err.orig, pg.QueryCanceled):
        return Unreachable(f"PostgreSQL took over {STATEMENT_TIMEOUT_MS / 1000:.0f} s: load the page again when less is going on.")
    if isinstance(err.orig, pg.OperationalError) and isinstance(failure := connect_failure(err.orig, parse_dsn(url)), ConfigurationError):
        return failure
    if err.connection_invalidated or isinstance(err.orig, (pg.OperationalError, pg.InterfaceError)):
        return Unreachable(f"PostgreSQL cannot be used: {first_line}. Is the stack up (`make status`)?")
    return err
