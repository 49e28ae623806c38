"""Asks the queries in sql/reports about the rows that a report covers, all of one state of the tables.

Each query chooses its rows by `%(since)s <= time < %(until)s` and by `%(run_id)s IS NULL OR run_id = %(run_id)s`. psycopg2 binds on this
side, so the planner sees the values, drops the half that does not apply and uses an index for the other.

Every figure reads the same few columns of the same requests, calls and ends, and a day's report reads them again for each of its runs:
they are gathered once, in temporary tables that hold those of the scope alone, those of a run together.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from psycopg2.extensions import connection
from psycopg2.extras import RealDictCursor

from streaming.figures.scope import Rows

SQL = Path(__file__).parents[2] / "sql" / "reports"


@contextmanager
def snapshot(database: connection) -> Iterator[RealDictCursor]:
    """A cursor that sees one state of the tables, however long the report takes, and changes none but its own temporary ones."""
    with database, database.cursor() as cursor:
        cursor.execute((SQL / "gathered_tables.sql").read_text())
    with database, database.cursor(cursor_factory=RealDictCursor) as reading:
        reading.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        # A busy day's rows are sorted and joined in memory: on disk that takes twice as long.
        reading.execute("SET LOCAL work_mem = '256MB'")
        yield reading


def gather(cursor: RealDictCursor, rows: Rows) -> None:
    """Gather the requests, calls and ends of these rows, once in a snapshot: queries may then ask for all, or for those of one run."""
    cursor.execute((SQL / "gather.sql").read_text(), rows._asdict())


def ask(cursor: RealDictCursor, query: str, rows: Rows, **parameters: Any) -> list[dict[str, Any]]:
    """All rows that `sql/reports/<query>.sql` returns."""
    cursor.execute((SQL / f"{query}.sql").read_text(), {**rows._asdict(), **parameters})
    return [dict(row) for row in cursor.fetchall()]


def ask_one(cursor: RealDictCursor, query: str, rows: Rows, **parameters: Any) -> Mapping[str, Any]:
    """The only row of a query that always returns one."""
    (row,) = ask(cursor, query, rows, **parameters)
    return row
