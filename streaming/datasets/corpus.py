"""The loaded dataset as a source of questions: addressed by position in the order of its lines, read as it is asked for."""

from collections.abc import Collection
from typing import NamedTuple
from uuid import UUID

from psycopg2.extensions import connection

from streaming.errors import UserError


class CorpusQuestion(NamedTuple):
    """A question to ask and its reference answer."""

    text: str
    reference: str | None


def size(database: connection, dataset: str) -> int:
    """How many questions the dataset has. Raises UserError if there are none."""
    with database, database.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM dataset_questions WHERE dataset = %s", (dataset,))
        (count,) = cursor.fetchone() or (0,)
        if count:
            return int(count)
        cursor.execute("SELECT DISTINCT dataset FROM dataset_questions ORDER BY 1 LIMIT 20")
        known = ", ".join(name for (name,) in cursor.fetchall()) or "none"
    raise UserError(f"The dataset {dataset!r} is not loaded; loaded are: {known}. Load one with `python -m streaming load PATH`.")


def hashes_at(database: connection, dataset: str, positions: Collection[int]) -> dict[int, UUID]:
    """The keys of the questions at these positions, 0 for the first."""
    with database, database.cursor() as cursor:
        cursor.execute(
            """
            SELECT position, text_hash::text
            FROM (SELECT row_number() OVER (ORDER BY line_number, text_hash) - 1 AS position, text_hash
                  FROM dataset_questions WHERE dataset = %s) AS ordered
            WHERE position = ANY(%s)
            """,
            (dataset, list(positions)),
        )
        return {position: UUID(text_hash) for position, text_hash in cursor.fetchall()}


def questions_of(database: connection, dataset: str, hashes: Collection[UUID]) -> dict[UUID, CorpusQuestion]:
    """The questions with these keys."""
    with database, database.cursor() as cursor:
        cursor.execute(
            "SELECT text_hash::text, question_text, original_answer FROM dataset_questions"
            " WHERE dataset = %s AND text_hash = ANY(%s::uuid[])",
            (dataset, [str(each) for each in hashes]),
        )
        return {UUID(text_hash): CorpusQuestion(text, reference) for text_hash, text, reference in cursor.fetchall()}
