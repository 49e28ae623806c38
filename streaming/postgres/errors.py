"""What PostgreSQL's errors mean here: the one table of their types and sentences."""

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg2
from psycopg2 import errors as pg

from streaming.errors import AnswerloopError, ConfigurationError, RefusedByDatabase, TookTooLong, Unreachable

_PROVISION = "run `python -m streaming provision`, or start the DAG `provision`"
IS_IT_UP = "Is the stack up (`make status`; `make up` starts it)?"


@contextmanager
def translated() -> Iterator[None]:
    """Errors of psycopg2 as what follows from them; one that nothing follows from, such as a wrong statement, stays what it is."""
    try:
        yield
    except psycopg2.Error as err:
        failure = meaning(err)
        if failure is None:
            raise
        raise failure from err


def meaning(err: psycopg2.Error) -> AnswerloopError | None:
    """What follows from the error; None for a fault of the statement."""
    reason = _reason(err)
    match err:
        case pg.ProgramLimitExceeded() | psycopg2.DataError() | psycopg2.IntegrityError():
            return RefusedByDatabase(reason)
        case pg.InsufficientPrivilege():
            return ConfigurationError(f"PostgreSQL does not allow this ({reason}): {_PROVISION}")
        case pg.UndefinedTable() | pg.UndefinedColumn() | pg.UndefinedFunction() | pg.InvalidSchemaName() | pg.InvalidCatalogName():
            return ConfigurationError(f"PostgreSQL lacks what this needs ({reason}): {_PROVISION}")
        case pg.QueryCanceled():
            return TookTooLong(f"PostgreSQL ended a statement at its timeout ({reason}): try again when less is going on")
        case psycopg2.OperationalError() | psycopg2.InterfaceError() | psycopg2.InternalError():
            return Unreachable(f"PostgreSQL cannot be used now: {reason}. {IS_IT_UP}")
    return None


def _reason(err: psycopg2.Error) -> str:
    return str(err).strip().splitlines()[0] if str(err).strip() else type(err).__name__
