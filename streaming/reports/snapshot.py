"""One state of the tables for all queries of a report, its requests, calls and ends gathered once.

Every figure of them reads the same few columns of the same rows, and a day's report reads them again for each of its runs: from
temporary tables that hold those of the scope alone, those of a run together.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from psycopg2.extensions import connection
from psycopg2.extras import RealDictCursor

from streaming.reports.queries import SQL, Rows


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
