"""The questions of a calibration, from PostgreSQL: drawn from a dataset by a seed, each with what is recorded of its answers."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from psycopg2.extensions import connection
from psycopg2.extras import RealDictCursor

from streaming.calibration.pairs import Question, Recorded, distinct
from streaming.datasets import corpus
from streaming.errors import UserError
from streaming.figures.queries import SQL
from streaming.identity import question_id
from streaming.model.server import is_simulated

# Answers are looked for where questions without a run go, and in the newest answer sets of runs on the dataset.
DEFAULT_SET = "default"
NEWEST_SETS = 20


def drawn(database: connection, dataset: str, most: int, seed: int) -> list[Question]:
    """At most so many questions with different references. Raises UserError for a dataset that is not loaded or has fewer than two."""
    size = corpus.size(database, dataset)
    with database, database.cursor(cursor_factory=RealDictCursor) as cursor:
        cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        cursor.execute(_sql("calibration_questions"), {"dataset": dataset, "seed": str(seed), "most": most})
        rows: list[Any] = cursor.fetchall()
        cursor.execute(_sql("calibration_answer_sets"), {"dataset": dataset, "most": NEWEST_SETS})
        sets = {DEFAULT_SET, *(row["answer_set"] for row in cursor.fetchall())}
        position = {str(question_id(each, row["text"])): index for index, row in enumerate(rows) for each in sorted(sets)}
        cursor.execute(_sql("calibration_answers"), {"ids": list(position)})
        answers: defaultdict[int, list[Any]] = defaultdict(list)
        for answer in cursor.fetchall():
            answers[position[answer["question_id"]]].append(answer)
    questions = distinct([_question(row, answers[index]) for index, row in enumerate(rows)])
    if len(questions) < 2:
        raise UserError(
            f"The dataset {dataset!r} has {size} questions, and fewer than two different references among them: "
            "a calibration needs two at least, a useful one some hundred. Load a dataset with more."
        )
    return questions


def _question(row: Any, answers: Sequence[Any]) -> Question:
    # The newest of each sort: `max` and not the order of rows, which come by model.
    newest = {
        simulated: max(these, key=lambda each: each["stored_at"])
        for simulated in (False, True)
        if (these := [each for each in answers if is_simulated(each["model"]) is simulated])
    }
    recorded = {simulated: Recorded(each["answer"], each["model"]) for simulated, each in newest.items()}
    return Question(row["reference"], row["topic"], recorded.get(False), recorded.get(True), row["other_reference"])


def _sql(name: str) -> str:
    return (SQL / f"{name}.sql").read_text()
