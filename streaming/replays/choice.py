"""Which failures are replayed: chosen once, so that a rerun replays the same ones.

A failure can be replayed while its submission is still the newest of its question. The choice is the oldest failures that follow the plan,
up to the last of them; a rerun takes what is left of them. What the replay itself has asked again is left out, also where it failed again.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from psycopg2.extensions import connection
from psycopg2.extras import RealDictCursor

from streaming.errors import UserError
from streaming.replays.plan import ReplayPlan

SAMPLE = 5

_FAILURES = """
FROM failed_questions f
JOIN questions q ON q.question_id = f.question_id AND q.submission_id = f.submission_id AND q.status = 'failed'
LEFT JOIN submissions s ON s.submission_id = f.submission_id
"""

# Which rows of `failed_questions f` a plan's filter lets through; whoever shows failures uses it too, so that they are those replayed.
FILTER = """
(%(cause)s::text IS NULL OR f.cause = %(cause)s)
  AND (%(run_id)s::text IS NULL OR f.run_id = %(run_id)s)
  AND (%(since)s::timestamptz IS NULL OR f.failed_at >= %(since)s)
  AND (%(until)s::timestamptz IS NULL OR f.failed_at < %(until)s)
  AND (%(error_text)s::text IS NULL OR strpos(lower(f.last_error), lower(%(error_text)s)) > 0)
"""

_FOLLOWING = f"""
{_FAILURES}
WHERE s.replay_id IS DISTINCT FROM %(replay_id)s
  AND {FILTER}
"""

_BY_CAUSE = f"SELECT f.cause, count(*) AS failures {_FOLLOWING} GROUP BY f.cause ORDER BY failures DESC, f.cause"

_ALL_BY_CAUSE = f"SELECT f.cause, count(*) AS failures {_FAILURES} GROUP BY f.cause ORDER BY failures DESC, f.cause LIMIT 20"

_LAST = f"SELECT f.failed_at, f.submission_id {_FOLLOWING} ORDER BY f.failed_at, f.submission_id OFFSET %(chosen)s - 1 LIMIT 1"

_SAMPLE = f"""
SELECT f.question_id, f.submission_id, f.run_id, f.cause, f.failed_at, left(q.question_text, 200) AS question,
       left(f.last_error, 200) AS error
{_FOLLOWING} ORDER BY f.failed_at, f.submission_id LIMIT %(sample)s
"""

_PAGE = f"""
SELECT f.question_id, f.submission_id, f.failed_at
{_FOLLOWING}
  AND (f.failed_at, f.submission_id) <= (%(last_at)s, %(last_id)s)
  AND (%(after_at)s::timestamptz IS NULL OR (f.failed_at, f.submission_id) > (%(after_at)s, %(after_id)s))
ORDER BY f.failed_at, f.submission_id LIMIT %(most)s
"""

_REPLAYED = "SELECT count(*) FROM submissions WHERE replay_id = %s AND kind = 'replay'"


class Place(msgspec.Struct, frozen=True):
    """Where a failure stands in the order in which failures are replayed."""

    failed_at: datetime
    submission_id: UUID


class Failure(msgspec.Struct, frozen=True):
    """A failure as people are shown it. The texts are untrusted, and cut at 200 characters."""

    question_id: UUID
    submission_id: UUID
    run_id: str | None
    cause: str
    failed_at: datetime
    question: str
    error: str


class Choice(msgspec.Struct, frozen=True):
    """What a replay asks again. `matching`: failures that follow the plan, by cause; `chosen`: how many of them, the oldest, up to `last`.

    `replayed`: what earlier tries of the same replay have asked again already; it counts towards the limit.
    """

    replay_id: str
    matching: Mapping[str, int]
    chosen: int
    replayed: int
    last: Place | None
    sample: Sequence[Failure]

    @property
    def matched(self) -> int:
        return sum(self.matching.values())


class Chosen(msgspec.Struct, frozen=True):
    """One failure to replay."""

    question_id: UUID
    place: Place


def choose(database: connection, plan: ReplayPlan, replay_id: str) -> Choice:
    """The choice as of now. Raises UserError for a run that is not known."""
    fields = _fields(plan, replay_id)
    with database, database.cursor(cursor_factory=RealDictCursor) as cursor:
        # One snapshot for all queries, so that the figures agree while questions go on failing.
        cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        _check_run(cursor, plan.run_id)
        cursor.execute(_REPLAYED, (replay_id,))
        (row,) = cursor.fetchall()
        replayed = row["count"]
        cursor.execute(_BY_CAUSE, fields)
        matching = {row["cause"]: row["failures"] for row in cursor.fetchall()}
        chosen = max(min(sum(matching.values()), plan.limit - replayed), 0)
        if not chosen:
            return Choice(replay_id, matching, 0, replayed, None, ())
        cursor.execute(_LAST, {**fields, "chosen": chosen})
        (row,) = cursor.fetchall()
        last = Place(**row)
        cursor.execute(_SAMPLE, {**fields, "sample": min(SAMPLE, chosen)})
        sample = [Failure(**row) for row in cursor.fetchall()]
    return Choice(replay_id, matching, chosen, replayed, last, sample)


def page(database: connection, plan: ReplayPlan, choice: Choice, after: Place | None, most: int) -> list[Chosen]:
    """The next so many of the chosen failures that nobody has replayed yet, in their order."""
    if choice.last is None:
        return []
    fields = {
        **_fields(plan, choice.replay_id),
        "last_at": choice.last.failed_at,
        "last_id": choice.last.submission_id,
        "after_at": after and after.failed_at,
        "after_id": after and after.submission_id,
        "most": most,
    }
    with database, database.cursor() as cursor:
        cursor.execute(_PAGE, fields)
        return [Chosen(question_id, Place(failed_at, submission_id)) for question_id, submission_id, failed_at in cursor.fetchall()]


def replayed(database: connection, replay_id: str) -> int:
    """How many failures this replay has asked again."""
    with database, database.cursor() as cursor:
        cursor.execute(_REPLAYED, (replay_id,))
        (count,) = cursor.fetchone() or (0,)
    return int(count)


def replayable(database: connection) -> dict[str, int]:
    """The failures that could be replayed, by cause, the 20 most frequent ones."""
    with database, database.cursor() as cursor:
        cursor.execute(_ALL_BY_CAUSE)
        return dict(cursor.fetchall())


def _fields(plan: ReplayPlan, replay_id: str) -> dict[str, Any]:
    return {**plan.model_dump(include={"cause", "run_id", "since", "until", "error_text"}), "replay_id": replay_id}


def _check_run(cursor: Any, run_id: str | None) -> None:
    """A run is known by its row, or by the questions of somebody's own traffic."""
    if run_id is None:
        return
    cursor.execute(
        "SELECT EXISTS (SELECT FROM traffic_runs WHERE run_id = %(id)s) OR EXISTS (SELECT FROM questions WHERE run_id = %(id)s) AS known",
        {"id": run_id},
    )
    if not cursor.fetchone()["known"]:
        raise UserError(
            f"There is no run {run_id!r}. Look its id up among the runs, or leave the field empty to replay failures of any run."
        )
