"""What a replay came to: recovered, failed again and why, or still under way."""

from collections.abc import Mapping

import msgspec
from psycopg2.extensions import connection
from psycopg2.extras import RealDictCursor

from streaming.postgres.connect import connected

# A lost replay is sent out again under the same name, so that the ends always add up to what was replayed.
_MINE = "WITH mine AS (SELECT submission_id, kind FROM submissions WHERE replay_id = %s)"

_COUNTS = f"""
{_MINE}
SELECT count(*) FILTER (WHERE kind = 'replay') AS replayed,
       (SELECT count(*) FROM answers JOIN mine USING (submission_id)) AS recovered,
       (SELECT count(*) FROM questions JOIN mine USING (submission_id) WHERE status = 'pending') AS pending
FROM mine
"""  # nosec B608 # names of our own; values are parameters

_FAILED = f"""
{_MINE}
SELECT cause, count(*) AS failures, left(min(last_error), 200) AS error
FROM failed_questions JOIN mine USING (submission_id) GROUP BY cause ORDER BY failures DESC, cause
"""  # nosec B608 # names of our own; values are parameters


class Outcome(msgspec.Struct, frozen=True):
    """Questions by what became of their replay. `failed_again`: by cause; `errors`: the text of one error of each cause, untrusted."""

    replay_id: str
    replayed: int
    recovered: int
    failed_again: Mapping[str, int]
    errors: Mapping[str, str]
    pending: int

    def __str__(self) -> str:
        failed = sum(self.failed_again.values())
        causes = ", ".join(f"{count} {cause}" for cause, count in self.failed_again.items())
        pending = f", {self.pending} pending" if self.pending else ""
        return f"{self.replayed} replayed: {self.recovered} recovered, {failed} failed again{f' ({causes})' if causes else ''}{pending}"


def outcome_of(database: connection, replay_id: str) -> Outcome:
    """As of now. A replay that nobody made has nothing in it."""
    with database, database.cursor(cursor_factory=RealDictCursor) as cursor:
        cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        cursor.execute(_COUNTS, (replay_id,))
        counts = dict(cursor.fetchone() or {})
        cursor.execute(_FAILED, (replay_id,))
        failed = cursor.fetchall()
    return Outcome(
        replay_id,
        **counts,
        failed_again={row["cause"]: row["failures"] for row in failed},
        errors={row["cause"]: row["error"] for row in failed},
    )


def read_outcome(database_url: str, replay_id: str) -> Outcome:
    """The same, on a connection of its own. Raises Unreachable."""
    with connected(database_url) as database:
        return outcome_of(database, replay_id)
