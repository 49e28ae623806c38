"""PostgreSQL as the pages read it: a few connections kept open, every wait with an end, nothing ever written."""

from collections.abc import Mapping
from functools import cache
from typing import Any

import psycopg2
from sqlalchemy import Engine, create_engine
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as NoneFree

from streaming.errors import Unreachable
from streaming.postgres.connect import connect
from streaming.postgres.errors import meaning

CONNECTIONS = 8
FREE_WITHIN_S = 3
STATEMENT_S = 5.0
Row = Mapping[str, Any]


class Database:
    """Reads rows. Every call raises Unreachable, or ConfigurationError while tables or rights are missing."""

    def __init__(self, url: str) -> None:
        self._engine = _engine(url)

    def rows(self, query: str, **parameters: object) -> list[Row]:
        """The rows of a query whose parameters are `%(name)s`."""
        try:
            with self._engine.connect() as connection:
                return [dict(row) for row in connection.exec_driver_sql(query, parameters).mappings()]
        except NoneFree as err:
            raise Unreachable("All connections of the pages to PostgreSQL are in use: load the page again in a moment.") from err
        except DBAPIError as err:
            failure = meaning(err.orig) if isinstance(err.orig, psycopg2.Error) else None
            if failure is None:
                raise
            raise failure from err

    def row(self, query: str, **parameters: object) -> Row | None:
        """The first row, None where there is none."""
        return next(iter(self.rows(query, **parameters)), None)


@cache
def _engine(url: str) -> Engine:
    return create_engine(
        "postgresql+psycopg2://",
        creator=lambda: connect(url, STATEMENT_S, options="-c default_transaction_read_only=on", application_name="answerloop_pages"),
        pool_size=CONNECTIONS // 2,
        max_overflow=CONNECTIONS - CONNECTIONS // 2,
        pool_timeout=FREE_WITHIN_S,
        # A connection that a restart of PostgreSQL has cut is found before a page trips over it.
        pool_pre_ping=True,
        isolation_level="AUTOCOMMIT",
    )
