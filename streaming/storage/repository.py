"""Claiming and reading questions in PostgreSQL. Whatever must happen together is one statement here."""

from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from psycopg2.extensions import connection as Connection
from psycopg2.extras import RealDictCursor

from streaming.errors import Unreachable
from streaming.storage.states import State, reference_hash, state_of

READ = """
SELECT q.question_id, q.status, q.submission_id, q.original_answer, q.resolved_at,
       a.llm_response AS answer, a.bert_score, a.first_score, a.accepted_as, a.accepted_retry_count, a.processing_attempts,
       a.total_processing_time_ms, a.model, a.scorer,
       f.cause, f.last_error, f.retry_count AS failed_retry_count
FROM questions q
LEFT JOIN answers a ON a.question_id = q.question_id
LEFT JOIN failed_questions f ON f.question_id = q.question_id AND f.submission_id = q.submission_id
"""

# A concurrent claim of the same question makes this wait until that one is committed, and then do nothing.
CLAIM = """
WITH claimed AS (
    INSERT INTO questions (question_id, answer_set, question_text, original_answer, status, submission_id, run_id, model,
                           created_at, submitted_at)
    VALUES (%(question_id)s, %(answer_set)s, %(question_text)s, %(original_answer)s, 'pending', %(submission_id)s, %(run_id)s,
            %(model)s, %(now)s, %(now)s)
    ON CONFLICT (question_id) DO NOTHING
    RETURNING question_id, submission_id, run_id, model, submitted_at
)
INSERT INTO submissions (submission_id, question_id, kind, run_id, model, submitted_at)
SELECT submission_id, question_id, 'first', run_id, model, submitted_at FROM claimed
"""

COUNT_REFERENCE = """
WITH seen AS (
    INSERT INTO question_references (question_id, reference_hash) VALUES (%(question_id)s, %(hash)s)
    ON CONFLICT DO NOTHING RETURNING question_id
)
UPDATE questions q SET other_references = q.other_references + 1 FROM seen WHERE q.question_id = seen.question_id
"""

COUNT_UNENQUEUED = """
SELECT count(*) FROM (SELECT 1 FROM questions WHERE status = 'pending' AND enqueued_at IS NULL LIMIT %s) AS waiting
"""


class Claim(msgspec.Struct, frozen=True, kw_only=True):
    """A question as it was asked, and the submission that it becomes if it is new."""

    question_id: UUID
    submission_id: UUID
    answer_set: str
    question_text: str
    original_answer: str | None
    run_id: str | None
    model: str | None


def read(connection: Connection, question_id: UUID) -> State | None:
    """The question's state, None if nobody asked it."""
    with connection.cursor(cursor_factory=RealDictCursor) as cursor:
        cursor.execute(READ + "WHERE q.question_id = %s", (question_id,))
        row = cursor.fetchone()
    return None if row is None else state_of(dict(row))


def claim(connection: Connection, asked: Claim, now: datetime) -> State | None:
    """None if this call has claimed the question, else the state in which it was found.

    A reference answer that differs from the stored one is counted.
    """
    with connection.cursor() as cursor:
        cursor.execute(CLAIM, {**msgspec.structs.asdict(asked), "now": now})
        if cursor.rowcount == 1:
            return None
    return found(connection, asked)


def found(connection: Connection, asked: Claim) -> State | None:
    """The state of a question that was asked before, None if it was not. A different reference answer is counted."""
    state = read(connection, asked.question_id)
    given = reference_hash(asked.original_answer)
    if state is not None and given is not None and given != state.reference_hash:
        with connection.cursor() as cursor:
            cursor.execute(COUNT_REFERENCE, {"question_id": asked.question_id, "hash": given})
    return state


def count_unenqueued(connection: Connection, most: int) -> int:
    """How many questions wait to go to Kafka, counted up to `most`."""
    with connection.cursor() as cursor:
        cursor.execute(COUNT_UNENQUEUED, (most,))
        row: tuple[int] = cursor.fetchone()  # type: ignore[assignment]
    return row[0]


def run_status(connection: Connection, run_id: str) -> dict[str, Any] | None:
    """The run's row with its summary, and its questions counted by state; None if there is neither."""
    with connection.cursor(cursor_factory=RealDictCursor) as cursor:
        cursor.execute("SELECT * FROM traffic_runs WHERE run_id = %s", (run_id,))
        run = cursor.fetchone()
        cursor.execute(
            """SELECT count(*) AS total, count(*) FILTER (WHERE status = 'pending') AS pending,
                      count(*) FILTER (WHERE status = 'answered') AS answered, count(*) FILTER (WHERE status = 'failed') AS failed,
                      count(*) FILTER (WHERE status = 'pending' AND enqueued_at IS NULL) AS unenqueued
               FROM questions WHERE run_id = %s""",
            (run_id,),
        )
        counts = dict(cursor.fetchone() or {})
    if run is None and not counts["total"]:
        return None
    return {"run_id": run_id, "questions": counts, "run": run and dict(run), "summary": run and run["summary"]}


def provisioned(connection: Connection) -> None:
    """Raises Unreachable while PostgreSQL takes no writes, and what the database layer raises for a missing table."""
    with connection.cursor() as cursor:
        cursor.execute("SHOW transaction_read_only")
        if cursor.fetchone() == ("on",):
            raise Unreachable("PostgreSQL is read-only: it is recovering, a standby, or was set so")
        cursor.execute("SELECT 1 FROM questions, submissions, answers, attempts, failed_questions, traffic_runs LIMIT 0")
