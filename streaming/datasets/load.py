"""The loader: a CSV in the Yahoo format into `dataset_questions`, in one transaction, streamed through COPY.

Loading is idempotent, the counts of other references included: the hashes of all references of a question are kept beside it.
"""

import io
import os
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import BinaryIO

from psycopg2.extensions import connection

from streaming.datasets.csv_rows import Row, read_rows
from streaming.datasets.side_file import SideFile
from streaming.errors import UserError

BATCH = 10_000

_INCOMING = """
CREATE TEMPORARY TABLE incoming
    (text_hash uuid, question_text text, original_answer text, topic smallint, line_number bigint) ON COMMIT DROP
"""

# What is known stays: the first text, the first reference. A row that brings no new reference writes nothing at all.
_MERGE = """
INSERT INTO dataset_questions AS known
    (dataset, text_hash, question_text, original_answer, topic, line_number, reference_hashes, other_references)
SELECT %(dataset)s, text_hash, (array_agg(question_text ORDER BY line_number))[1],
       (array_agg(original_answer ORDER BY line_number) FILTER (WHERE original_answer IS NOT NULL))[1],
       (array_agg(topic ORDER BY line_number))[1], min(line_number),
       coalesce(array_agg(DISTINCT md5(original_answer)::uuid) FILTER (WHERE original_answer IS NOT NULL), '{}'),
       greatest(count(DISTINCT original_answer) - 1, 0)
FROM incoming GROUP BY text_hash
ON CONFLICT (dataset, text_hash) DO UPDATE SET
    original_answer = coalesce(known.original_answer, EXCLUDED.original_answer),
    reference_hashes = ARRAY(SELECT unnest(known.reference_hashes) UNION SELECT unnest(EXCLUDED.reference_hashes)),
    other_references = greatest(cardinality(
        ARRAY(SELECT unnest(known.reference_hashes) UNION SELECT unnest(EXCLUDED.reference_hashes))) - 1, 0)
WHERE NOT EXCLUDED.reference_hashes <@ known.reference_hashes
RETURNING (xmax = 0) AS is_new
"""


@dataclass(frozen=True)
class Loaded:
    """What a load did. `rows` = `questions` + `repeated`; `rejected_file` is None where every row was good."""

    dataset: str
    rows: int
    questions: int
    rejected: int
    rejected_file: Path | None

    @property
    def repeated(self) -> int:
        """Rows whose question the dataset had already, from this file or an earlier load."""
        return self.rows - self.questions


def load_file(path: Path, dataset: str, database: connection, rejected_directory: Path, advance: Callable[[int], None]) -> Loaded:
    """Load `path` as `dataset`. All of it is committed, or none.

    `advance` is called with the bytes read so far. Raises UserError for a file that cannot be read, or that holds no row in the format.
    """
    with ExitStack() as stack:
        stream = stack.enter_context(_open(path))
        side_file = stack.enter_context(SideFile(rejected_directory / f"{path.stem}.rejected.csv"))
        cursor = stack.enter_context(database.cursor())
        stack.enter_context(database)
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended('load ' || %s, 0))", (dataset,))
        cursor.execute(_INCOMING)
        rows = questions = 0
        good = side_file.divert(read_rows(stream))
        while batch := list(islice(good, BATCH)):
            cursor.copy_expert("COPY incoming FROM STDIN", io.StringIO("".join(map(_copy_line, batch))))
            cursor.execute(_MERGE, {"dataset": dataset})
            questions += sum(is_new for (is_new,) in cursor.fetchall())
            cursor.execute("TRUNCATE incoming")
            rows += len(batch)
            advance(stream.tell())
        advance(stream.tell())
        if not rows:
            first = side_file.first
            reason = f"line {first.line_number}: {first.reason}" if first else "it holds only blank lines"
            raise UserError(f"{path} has no row in the Yahoo format (class, title, content, answer). First, {reason}")
        return Loaded(dataset, rows, questions, side_file.count, side_file.path if side_file.count else None)


def _open(path: Path) -> BinaryIO:
    try:
        stream = path.open("rb", buffering=1024 * 1024)
        size = os.fstat(stream.fileno()).st_size
    except OSError as err:
        raise UserError(f"{path} cannot be read: {err.strerror}. Give the path of a CSV file in the Yahoo format.") from err
    if size == 0:
        stream.close()
        raise UserError(f"{path} is empty. Give the path of a CSV file in the Yahoo format.")
    return stream


def _copy_line(row: Row) -> str:
    answer = r"\N" if row.original_answer is None else _escaped(row.original_answer)
    return f"{row.text_hash}\t{_escaped(row.question_text)}\t{answer}\t{row.topic}\t{row.line_number}\n"


def _escaped(text: str) -> str:
    """As COPY's text format has it; four replacements are five times as fast as one `translate`."""
    return text.replace("\\", "\\\\").replace("\n", "\\n").replace("\r", "\\r").replace("\t", "\\t")
