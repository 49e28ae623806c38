"""A connection to PostgreSQL for the length of a `with` block, its errors translated."""

from collections.abc import Iterator
from contextlib import closing, contextmanager

import psycopg2
from psycopg2 import errors as pg
from psycopg2.extensions import connection, parse_dsn
from psycopg2.extras import register_uuid

from streaming.errors import ConfigurationError, Unreachable
from streaming.login import connect_failure

register_uuid()  # type: ignore[no-untyped-call]


@contextmanager
def connected(url: str) -> Iterator[connection]:
    """A connection that is closed at the end. Raises Unreachable, LoginRefused, ConfigurationError while tables or rights are missing."""
    try:
        opened = psycopg2.connect(url, connect_timeout=5, keepalives_idle=5, keepalives_interval=2)
    except psycopg2.OperationalError as err:
        raise connect_failure(err, parse_dsn(url)) from err
    try:
        with closing(opened):
            yield opened
    except (pg.UndefinedTable, pg.UndefinedColumn) as err:
        raise ConfigurationError(f"PostgreSQL lacks a table ({str(err).splitlines()[0]}): run `python -m streaming provision`") from err
    except pg.InsufficientPrivilege as err:
        refused = str(err).splitlines()[0]
        raise ConfigurationError(f"PostgreSQL does not allow this ({refused}): run `python -m streaming provision`") from err
    except (psycopg2.OperationalError, psycopg2.InterfaceError) as err:
        raise Unreachable(f"PostgreSQL cannot be used: {str(err).strip()}. Is the stack up (`make up`)?") from err
