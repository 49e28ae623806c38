"""A batch of effects in one PostgreSQL transaction, which its caller commits."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg2.extensions import connection as Connection
from psycopg2.extras import RealDictCursor, execute_values

from streaming.contracts import BestAttempt
from streaming.storage.effects import AnswerRow, AttemptRow, Effects, FailureRow, Fallen, QuestionRow, settled
from streaming.storage.repository import READ
from streaming.storage.states import Answered, state_of
from streaming.storage.waiting import CHANNEL

EXTERNAL = "external"

QUESTION_TYPES = "uuid uuid text text text text timestamptz timestamptz timestamptz"
ATTEMPT_TYPES = (
    "uuid int uuid text text text text text float8 text text text float8 int int bool float8 float8 float8 "
    "timestamptz timestamptz timestamptz timestamptz"
)
ANSWER_TYPES = "uuid uuid text float8 float8 int float8 text int text text int int int float8 timestamptz"
FAILURE_TYPES = "uuid uuid int text text timestamptz text int int int"

CREATE = f"""
WITH incoming ({", ".join(QuestionRow._fields)}) AS (VALUES %s),
created AS (
    INSERT INTO questions (answer_set, status, {", ".join(QuestionRow._fields)})
    SELECT '{EXTERNAL}', 'pending', * FROM incoming
    ON CONFLICT (question_id) DO NOTHING
    RETURNING submission_id, question_id, run_id, model, submitted_at
)
INSERT INTO submissions (submission_id, question_id, run_id, model, submitted_at, kind)
SELECT *, 'first' FROM created ON CONFLICT DO NOTHING
"""  # nosec B608 # names of our own; values are parameters

# A dead letter's fatal message does not know its run; its submission does.
RECORD = f"""
WITH incoming ({", ".join(AttemptRow._fields)}) AS (VALUES %s)
INSERT INTO attempts ({", ".join(name for name in AttemptRow._fields if name != "run_id")}, run_id, stored_at)
SELECT {", ".join(f"i.{name}" for name in AttemptRow._fields if name != "run_id")}, coalesce(i.run_id, s.run_id), $now
FROM incoming i LEFT JOIN submissions s ON s.submission_id = i.submission_id
ON CONFLICT (submission_id, retry_count) DO NOTHING
RETURNING submission_id, retry_count
"""  # nosec B608 # names of our own; values are parameters

BEST = """
SELECT DISTINCT ON (submission_id) submission_id, llm_response, bert_score, retry_count, model, scorer,
       first_value(bert_score) OVER (PARTITION BY submission_id ORDER BY retry_count) AS first_score
FROM attempts WHERE submission_id = ANY(%s) AND bert_score IS NOT NULL AND llm_response IS NOT NULL
ORDER BY submission_id, bert_score DESC, retry_count
"""

# The guard: only the newest submission of a question that is still pending can end it. An older one may come in the same batch.
ANSWER = f"""
WITH incoming ({", ".join(AnswerRow._fields)}) AS (VALUES %s),
resolved AS (
    UPDATE questions q SET status = 'answered', resolved_at = $now FROM incoming i
    WHERE q.question_id = i.question_id AND q.submission_id = i.submission_id AND q.status = 'pending'
    RETURNING q.question_id, q.submission_id
)
INSERT INTO answers ({", ".join(AnswerRow._fields)}, stored_at)
SELECT i.*, $now FROM incoming i JOIN resolved USING (question_id, submission_id)
RETURNING question_id
"""  # nosec B608 # names of our own; values are parameters

FAIL = f"""
WITH incoming ({", ".join(FailureRow._fields)}) AS (VALUES %s),
resolved AS (
    UPDATE questions q SET status = 'failed', resolved_at = $now FROM incoming i
    WHERE q.question_id = i.question_id AND q.submission_id = i.submission_id AND q.status = 'pending'
    RETURNING q.question_id, q.submission_id, q.run_id
)
INSERT INTO failed_questions ({", ".join(name for name in FailureRow._fields if name != "run_id")}, run_id, failed_at)
SELECT {", ".join(f"i.{name}" for name in FailureRow._fields if name != "run_id")}, coalesce(i.run_id, r.run_id), $now
FROM incoming i JOIN resolved r USING (question_id, submission_id)
RETURNING question_id
"""  # nosec B608 # names of our own; values are parameters

NOTIFY = f"SELECT pg_notify('{CHANNEL}', id::text) FROM unnest(%s) AS id"  # nosec B608 # names of our own; values are parameters


@dataclass(frozen=True)
class Stored:
    """What a batch has changed: keys of new attempts, questions that ended, and the answers among them."""

    attempts: frozenset[tuple[UUID, int]]
    failed: frozenset[UUID]
    answers: dict[UUID, Answered]


def store(connection: Connection, batch: Sequence[Effects], now: datetime) -> Stored:
    """Write the effects; whatever is there already stays as it is. Each submission ends at most once in the batch.

    Rows are written in the order of their keys, so that two batches at once do not lock each other out.
    """
    _create_unknown(connection, {each.question.question_id: each.question for each in reversed(batch)})
    attempts = sorted({_key(each.attempt): each.attempt for each in reversed(batch) if each.attempt is not None}.values(), key=_key)
    recorded = _insert(connection, RECORD, ATTEMPT_TYPES, attempts, now)
    endings = _settle(connection, [each.ending for each in batch if each.ending is not None])
    answered = _insert(connection, ANSWER, ANSWER_TYPES, sorted((each for each in endings if isinstance(each, AnswerRow)), key=_key), now)
    failed = _insert(connection, FAIL, FAILURE_TYPES, sorted((each for each in endings if isinstance(each, FailureRow)), key=_key), now)
    resolved = [question for (question,) in (*answered, *failed)]
    if resolved:
        with connection.cursor() as cursor:
            cursor.execute(NOTIFY, (resolved,))
    return Stored(
        attempts=frozenset((submission, count) for submission, count in recorded),
        failed=frozenset(question for (question,) in failed),
        answers=_answers(connection, [question for (question,) in answered]),
    )


def _create_unknown(connection: Connection, questions: dict[UUID, QuestionRow]) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT question_id FROM questions WHERE question_id = ANY(%s)", (list(questions),))
        known = {question for (question,) in cursor.fetchall()}
        unknown = [questions[question] for question in sorted(questions.keys() - known)]
        if unknown:
            execute_values(cursor, CREATE, unknown, _template(QUESTION_TYPES), len(unknown))


def _settle(connection: Connection, endings: Collection[AnswerRow | Fallen]) -> list[AnswerRow | FailureRow]:
    fallen = [each for each in endings if isinstance(each, Fallen)]
    recorded = _best_recorded(connection, [each.failure.submission_id for each in fallen])
    return [each for each in endings if isinstance(each, AnswerRow)] + [
        settled(each, *recorded.get(each.failure.submission_id, (None, None))) for each in fallen
    ]


def _best_recorded(connection: Connection, submissions: list[UUID]) -> dict[UUID, tuple[BestAttempt, float]]:
    if not submissions:
        return {}
    with connection.cursor(cursor_factory=RealDictCursor) as cursor:
        cursor.execute(BEST, (submissions,))
        rows = [dict(row) for row in cursor.fetchall()]
    return {
        row["submission_id"]: (BestAttempt(**{name: row[name] for name in BestAttempt.__struct_fields__}), row["first_score"])
        for row in rows
    }


def _answers(connection: Connection, questions: list[UUID]) -> dict[UUID, Answered]:
    if not questions:
        return {}
    with connection.cursor(cursor_factory=RealDictCursor) as cursor:
        cursor.execute(READ + "WHERE q.question_id = ANY(%s)", (questions,))
        states = [state_of(dict(row)) for row in cursor.fetchall()]
    return {state.question_id: state for state in states if isinstance(state, Answered)}


def _insert(connection: Connection, statement: str, types: str, rows: Sequence[tuple[Any, ...]], now: datetime) -> list[tuple[Any, ...]]:
    if not rows:
        return []
    with connection.cursor() as cursor:
        stamped = statement.replace("$now", cursor.mogrify("%s", (now,)).decode())
        fetched: list[tuple[Any, ...]] = execute_values(cursor, stamped, rows, _template(types), len(rows), fetch=True)
    return fetched


def _template(types: str) -> str:
    """Types every value: a column of nulls alone would be taken for text."""
    return "(" + ", ".join(f"%s::{name}" for name in types.split()) + ")"


def _key(row: tuple[Any, ...]) -> tuple[Any, ...]:
    """The two columns that every table here has as its key."""
    return row[:2]
