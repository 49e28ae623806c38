"""Asks the queries in sql/reports about the rows that a report covers.

Each query chooses its rows by `%(since)s <= time < %(until)s` and by `%(run_id)s IS NULL OR run_id = %(run_id)s`. psycopg2 binds on this
side, so the planner sees the values, drops the half that does not apply and uses an index for the other.
"""

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

from psycopg2.extras import RealDictCursor

SQL = Path(__file__).parents[2] / "sql" / "reports"


class Rows(NamedTuple):
    """Those of `since` <= time < `until`, of one run where `run_id` is given. Moments may be PostgreSQL's infinities."""

    run_id: str | None
    since: datetime | str = "-infinity"
    until: datetime | str = "infinity"


def ask(cursor: RealDictCursor, query: str, rows: Rows, **parameters: Any) -> list[dict[str, Any]]:
    """All rows that `sql/reports/<query>.sql` returns."""
    cursor.execute((SQL / f"{query}.sql").read_text(), {**rows._asdict(), **parameters})
    return [dict(row) for row in cursor.fetchall()]


def ask_one(cursor: RealDictCursor, query: str, rows: Rows, **parameters: Any) -> Mapping[str, Any]:
    """The only row of a query that always returns one."""
    (row,) = ask(cursor, query, rows, **parameters)
    return row
