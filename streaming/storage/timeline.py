"""The story of a question: every submission, every attempt, and where the time went."""

from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg2.extensions import connection as Connection
from psycopg2.extras import RealDictCursor

QUESTION = """
SELECT question_id, answer_set, question_text, original_answer, other_references, status, submission_id, run_id, model,
       created_at, submitted_at, enqueued_at, resolved_at
FROM questions WHERE question_id = %(question_id)s
"""

# Also the attempts of submissions that nobody knows here: of messages made by hand for a question that exists.
SUBMISSIONS = """
SELECT s.submission_id, s.kind, s.follows, s.run_id, s.replay_id, s.model, s.submitted_at,
       a.accepted_as, a.accepted_retry_count, a.bert_score, a.first_score, a.total_processing_time_ms, a.stored_at, a.scored_at,
       f.cause, f.last_error, f.failed_at, f.replayed_at
FROM (
    SELECT submission_id, kind, follows, run_id, replay_id, model, submitted_at FROM submissions WHERE question_id = %(question_id)s
    UNION ALL
    SELECT submission_id, 'unknown', NULL, min(run_id), NULL, NULL, min(stored_at) FROM attempts
    WHERE question_id = %(question_id)s AND submission_id NOT IN (SELECT submission_id FROM submissions WHERE question_id = %(question_id)s)
    GROUP BY submission_id
) s
LEFT JOIN answers a ON a.submission_id = s.submission_id AND a.question_id = %(question_id)s
LEFT JOIN failed_questions f ON f.submission_id = s.submission_id AND f.question_id = %(question_id)s
ORDER BY s.submitted_at
"""

ATTEMPTS = """
SELECT submission_id, retry_count, outcome, error_type, error, bert_score, scorer, llm_response, model, response_time_ms, tokens,
       prompt_tokens, truncated, retry_after_s, waited_ms, enqueued_at, llm_started_at, llm_finished_at, scored_at, stored_at
FROM attempts WHERE question_id = %(question_id)s ORDER BY submission_id, retry_count
"""


def read_timeline(connection: Connection, question_id: UUID) -> dict[str, Any] | None:
    """The timeline of a question, None if nobody asked it."""
    with connection.cursor(cursor_factory=RealDictCursor) as cursor:
        cursor.execute(QUESTION, {"question_id": question_id})
        question = cursor.fetchone()
        if question is None:
            return None
        cursor.execute(SUBMISSIONS, {"question_id": question_id})
        submissions = [dict(row) for row in cursor.fetchall()]
        cursor.execute(ATTEMPTS, {"question_id": question_id})
        attempts = [dict(row) for row in cursor.fetchall()]
    return timeline(dict(question), submissions, attempts)


def timeline(question: dict[str, Any], submissions: list[dict[str, Any]], attempts: list[dict[str, Any]]) -> dict[str, Any]:
    """The question with its submissions in order, each with its outcome, its attempts and the times of their stages."""
    return {
        **question,
        "submissions": [
            _submission(question, row, [attempt for attempt in attempts if attempt["submission_id"] == row["submission_id"]])
            for row in submissions
        ],
    }


def stages(attempt: dict[str, Any], waited_before_ms: float) -> dict[str, float | None]:
    """Milliseconds in each stage of one attempt; null where it did not get so far.

    `waited_before_ms`: the retry delays that the attempts before had seen already.
    """
    last = attempt["scored_at"] or attempt["llm_finished_at"]
    return {
        "queue_ms": _between(attempt["enqueued_at"], attempt["llm_started_at"]),
        "model_ms": _between(attempt["llm_started_at"], attempt["llm_finished_at"]),
        "scoring_ms": _between(attempt["llm_finished_at"], attempt["scored_at"]),
        "waiting_ms": max(0.0, attempt["waited_ms"] - waited_before_ms),
        "store_ms": _between(last, attempt["stored_at"]),
    }


def _submission(question: dict[str, Any], row: dict[str, Any], attempts: list[dict[str, Any]]) -> dict[str, Any]:
    told, waited = [], 0.0
    for attempt in attempts:
        told.append({**attempt, "stages": stages(attempt, waited)})
        waited = max(waited, attempt["waited_ms"])
    totals = {name: sum(each["stages"][name] or 0.0 for each in told) for name in ("queue_ms", "model_ms", "scoring_ms", "waiting_ms")}
    return {
        **row,
        "outcome": _outcome(question, row),
        "stages": {**totals, "store_ms": _between(row["scored_at"], row["stored_at"])},
        "attempts": told,
    }


def _outcome(question: dict[str, Any], row: dict[str, Any]) -> str:
    if row["accepted_as"] is not None:
        return "answered"
    if row["cause"] is not None:
        return "failed"
    return "pending" if row["submission_id"] == question["submission_id"] else "superseded"


def _between(start: datetime | None, end: datetime | None) -> float | None:
    return None if start is None or end is None else (end - start).total_seconds() * 1000
