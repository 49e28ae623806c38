"""Asking again: what has failed, when somebody asks for it, and what was lost. `replay` needs a transaction."""

from datetime import datetime
from enum import Enum
from uuid import UUID, uuid4

from psycopg2.extensions import connection as Connection
from psycopg2.extras import RealDictCursor

FIND = "SELECT status, submission_id, run_id, model FROM questions WHERE question_id = %s FOR UPDATE"

REPLAYED = "SELECT submission_id FROM submissions WHERE follows = %s AND question_id = %s AND kind = 'replay'"

SUBMIT = """
INSERT INTO submissions (submission_id, question_id, kind, follows, run_id, model, submitted_at, replay_id)
VALUES (%(new)s, %(question_id)s, 'replay', %(old)s, %(run_id)s, %(model)s, %(now)s, %(replay_id)s);
UPDATE failed_questions SET replayed_at = %(now)s WHERE question_id = %(question_id)s AND submission_id = %(old)s;
UPDATE questions SET status = 'pending', submission_id = %(new)s, submitted_at = %(now)s, model = %(model)s,
                     enqueued_at = NULL, resolved_at = NULL
WHERE question_id = %(question_id)s
"""

# Guarded: what was resolved, replayed or requeued in the meantime is left alone.
REQUEUE = """
WITH lost AS MATERIALIZED (
    SELECT question_id, submission_id AS old, gen_random_uuid() AS new FROM questions
    WHERE status = 'pending' AND enqueued_at < %(before)s
    ORDER BY enqueued_at LIMIT %(most)s FOR UPDATE SKIP LOCKED
), moved AS (
    UPDATE questions q SET submission_id = lost.new, submitted_at = %(now)s, enqueued_at = NULL
    FROM lost WHERE q.question_id = lost.question_id AND q.submission_id = lost.old AND q.status = 'pending'
    RETURNING q.question_id, q.run_id, q.model, lost.old, lost.new
)
INSERT INTO submissions (submission_id, question_id, kind, follows, run_id, model, submitted_at, replay_id)
SELECT new, question_id, 'requeue', old, run_id, model, %(now)s, (SELECT replay_id FROM submissions WHERE submission_id = old) FROM moved
RETURNING question_id
"""

REQUEUE_MOST = 10_000


class Refusal(Enum):
    """Why a submission is not replayed."""

    UNKNOWN_QUESTION = "unknown question"
    NOT_NEWEST = "it is not the newest submission of this question"
    NOT_FAILED = "it has not failed"


def replay(
    connection: Connection, question_id: UUID, submission_id: UUID, model: str | None, replay_id: str | None, now: datetime
) -> tuple[UUID, bool] | Refusal:
    """The submission that repeats `submission_id`, and whether this call made it.

    Without `model` the question keeps the one that was asked for before. `replay_id`: the replay of many that this is part of.
    """
    with connection.cursor(cursor_factory=RealDictCursor) as cursor:
        cursor.execute(FIND, (question_id,))
        question = cursor.fetchone()
        if question is None:
            return Refusal.UNKNOWN_QUESTION
        cursor.execute(REPLAYED, (submission_id, question_id))
        if (before := cursor.fetchone()) is not None:
            return before["submission_id"], False
        if question["submission_id"] != submission_id:
            return Refusal.NOT_NEWEST
        if question["status"] != "failed":
            return Refusal.NOT_FAILED
        new = uuid4()
        values = {
            "question_id": question_id,
            "old": submission_id,
            "new": new,
            "run_id": question["run_id"],
            "replay_id": replay_id,
            "now": now,
        }
        cursor.execute(SUBMIT, {**values, "model": model or question["model"]})
    return new, True


def requeue(connection: Connection, before: datetime, now: datetime) -> list[UUID]:
    """Submit again what is pending and was enqueued before that moment, the oldest first. Returns the questions."""
    with connection.cursor() as cursor:
        cursor.execute(REQUEUE, {"before": before, "now": now, "most": REQUEUE_MOST})
        return [row[0] for row in cursor.fetchall()]
