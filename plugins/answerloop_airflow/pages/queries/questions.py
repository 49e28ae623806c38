"""Questions by their words, and the story of one."""

import re
from typing import Any
from uuid import UUID

from answerloop_airflow.pages.database import Database, Row
from streaming.errors import UserError
from streaming.storage import timeline

SHOWN = 50
# Of a word that is everywhere so many questions are looked at, not all.
LOOKED_AT = 1000

# By the expression of the index `questions_by_words`. The last word may be the beginning of one, unless a bracket ends the query.
_FOUND = """
WITH said AS (SELECT websearch_to_tsquery('simple', %(words)s) AS words),
wanted AS (SELECT CASE WHEN words::text LIKE '%%''' THEN (words::text || ':*')::tsquery ELSE words END AS words FROM said)
SELECT found.* FROM (
    SELECT question_id, left(question_text, 300) AS question, status, answer_set, run_id, submitted_at
    FROM questions, wanted WHERE to_tsvector('simple', left(question_text, 8000)) @@ wanted.words LIMIT %(looked_at)s
) found
ORDER BY submitted_at DESC LIMIT %(limit)s
"""
_LATELY = """
SELECT question_id, left(question_text, 300) AS question, status, answer_set, run_id, submitted_at
FROM (SELECT question_id FROM answers ORDER BY stored_at DESC LIMIT %(limit)s) lately JOIN questions USING (question_id)
ORDER BY submitted_at DESC
"""


def found(database: Database, words: str) -> list[Row]:
    """Questions that hold all the words, the last of which may be cut off; the newest of the first LOOKED_AT."""
    # A minus would leave a word out: what holds none of it is most of the table, and no index leads there.
    return database.rows(_FOUND, words=re.sub(r"(^|\s)-+", r"\1", words), looked_at=LOOKED_AT, limit=SHOWN)


def answered_lately(database: Database) -> list[Row]:
    """The questions that were answered last."""
    return database.rows(_LATELY, limit=20)


def story(database: Database, question_id: UUID) -> dict[str, Any]:
    """The question's timeline as `streaming.storage.timeline` tells it. Raises UserError for one that nobody asked."""
    id = str(question_id)
    question = database.row(timeline.QUESTION, question_id=id)
    if question is None:
        raise UserError(f"There is no question {id}. Search for it by its words under Questions.")
    submissions = database.rows(timeline.SUBMISSIONS, question_id=id)
    attempts = database.rows(timeline.ATTEMPTS, question_id=id)
    return timeline.timeline(*(dict(question), [dict(row) for row in submissions], [dict(row) for row in attempts]))
