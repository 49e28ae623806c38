"""Failures that follow a filter: how many there are of each cause, and the newest."""

from datetime import datetime
from typing import Any
from uuid import UUID

from answerloop_airflow.pages.database import Database, Row
from streaming.replays.choice import FILTER
from streaming.replays.plan import ReplayPlan

PER_PAGE = 50

_BY_CAUSE = f"""
SELECT f.cause, count(*) AS failures, count(*) FILTER (WHERE f.replayed_at IS NULL) AS left_over, max(f.failed_at) AS newest
FROM failed_questions f WHERE {FILTER} GROUP BY f.cause ORDER BY failures DESC, f.cause
"""  # nosec B608 # names of our own; values are parameters
# Chosen before their questions are looked up: as many look-ups as there are rows on a page.
_NEWEST = f"""
SELECT f.*, left(q.question_text, 200) AS question, q.status
FROM (
    SELECT f.question_id, f.submission_id, f.run_id, f.cause, left(f.last_error, 300) AS error, f.failed_at, f.replayed_at
    FROM failed_questions f
    WHERE {FILTER}
      AND (%(before_at)s::timestamptz IS NULL OR (f.failed_at, f.submission_id) < (%(before_at)s, %(before_id)s::uuid))
    ORDER BY f.failed_at DESC, f.submission_id DESC LIMIT %(limit)s
) f
JOIN questions q ON q.question_id = f.question_id
ORDER BY f.failed_at DESC, f.submission_id DESC
"""  # nosec B608 # names of our own; values are parameters
_FIELDS = ("cause", "run_id", "since", "until", "error_text")


def by_cause(database: Database, plan: ReplayPlan) -> list[Row]:
    """The causes of the failures that follow the plan, whatever cause it names, with how many nobody has replayed (`left_over`)."""
    return database.rows(_BY_CAUSE, **{**_filter(plan), "cause": None})


def newest(database: Database, plan: ReplayPlan, before: tuple[datetime, UUID] | None) -> list[Row]:
    """A page of failures and one more if there are more. `before`: the time and submission of the last failure on the page above."""
    at, submission = before or (None, None)
    place = {"before_at": at, "before_id": None if submission is None else str(submission)}
    return database.rows(_NEWEST, **_filter(plan), **place, limit=PER_PAGE + 1)


def _filter(plan: ReplayPlan) -> dict[str, Any]:
    return plan.model_dump(include=set(_FIELDS))
