"""Rows of a CSV in the Yahoo format, one by one, each with its line or with the reason why it cannot be used.

No header; four fields: class index (1-10), question title, question content, best answer. A newline in a text is a literal backslash-n.
"""

import csv
import html
import re
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO
from uuid import UUID

from streaming.identity import dataset_question_text, normalise, question_id

FIELDS = 4
TOPICS = range(1, 11)
MAX_TEXT = 8_000
MAX_LINE_BYTES = 256 * 1024
MAX_LINES_OF_A_ROW = 200

_BEGINS_A_ROW = re.compile(r'"\d{1,2}","')
_LINE_BREAK = re.compile(r"<br\s*/?>", re.IGNORECASE)
_ENTITY = re.compile(r"&(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});")


@dataclass(frozen=True, slots=True)
class Row:
    """A question of the corpus. `original_answer` is None where the reference is blank."""

    line_number: int
    topic: int
    question_text: str
    original_answer: str | None

    @property
    def text_hash(self) -> UUID:
        """The same for the same question, however it is spaced or cased."""
        return question_id("", self.question_text)


@dataclass(frozen=True, slots=True)
class Rejected:
    """A row that cannot be used; `raw` is what stands in the file, undecodable bytes replaced."""

    line_number: int
    reason: str
    raw: str


class _BadRow(Exception):
    """Why a row is refused."""


def read_rows(stream: BinaryIO) -> Iterator[Row | Rejected]:
    """Every row of the file in its order; blank lines are passed over. Holds one row in memory."""
    for number, raw, problem in _records(stream):
        if problem:
            yield Rejected(number, problem, raw)
            continue
        try:
            yield parse_row(number, raw)
        except _BadRow as err:
            yield Rejected(number, str(err), raw)


def parse_row(line_number: int, text: str) -> Row:
    """The row in one record of the file. Raises _BadRow with the reason."""
    try:
        fields = next(csv.reader([text], strict=True))
    except csv.Error as err:
        raise _BadRow(f"not CSV: {err}") from err
    if len(fields) != FIELDS:
        raise _BadRow(f"{FIELDS} fields are expected (class, title, content, answer), this row has {len(fields)}")
    if "\0" in text:
        raise _BadRow("holds a NUL character")
    topic = fields[0].strip()
    if not (topic.isascii() and topic.isdigit() and int(topic) in TOPICS):
        raise _BadRow(f"the class is {topic[:40]!r}; allowed: 1 to 10")
    title, content, answer = (decode_text(field) for field in fields[1:])
    if not normalise(title):
        raise _BadRow("the title is empty")
    question = dataset_question_text(title, content)
    for name, value in (("question", question), ("answer", answer)):
        if len(value) > MAX_TEXT:
            raise _BadRow(f"the {name} has {len(value):,} characters; at most {MAX_TEXT:,} are allowed")
    return Row(line_number, int(topic), question, answer or None)


def decode_text(field: str) -> str:
    """What a field says: its escaped newlines, `<br />` and HTML entities decoded, the ends stripped."""
    text = _LINE_BREAK.sub("\n", field.replace("\\n", "\n"))
    return _ENTITY.sub(lambda found: html.unescape(found.group()), text).strip()


def _records(stream: BinaryIO) -> Iterator[tuple[int, str, str | None]]:
    """Line number, text and problem of every record.

    A quoted field may hold real newlines. An unbalanced quote must not swallow the rows after it, so a record ends before a line that
    begins like a row of its own.
    """
    lines = _Lines(stream)
    while (line := lines.take()) is not None:
        number, text, problem = line
        if problem or not text.strip():
            if problem:
                yield number, text, problem
            continue
        taken: list[tuple[int, str, str | None]] = []
        whole = text
        while whole.count('"') % 2 and len(taken) < MAX_LINES_OF_A_ROW:
            following = lines.take()
            if following is None:
                break
            taken.append(following)
            if following[2] or _BEGINS_A_ROW.match(following[1]):
                break
            whole = f"{whole}\n{following[1]}"
        if whole.count('"') % 2:
            lines.put_back(taken)
            yield number, text, "the quotes are not balanced"
        else:
            yield number, whole, None


class _Lines:
    """The decoded lines of a file, numbered from 1, of which some can be put back."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._number = 0
        self._returned: deque[tuple[int, str, str | None]] = deque()

    def take(self) -> tuple[int, str, str | None] | None:
        """Number, text and problem of the next line; None at the end."""
        if self._returned:
            return self._returned.popleft()
        raw = self._stream.readline(MAX_LINE_BYTES)
        if not raw:
            return None
        self._number += 1
        if len(raw) == MAX_LINE_BYTES and not raw.endswith(b"\n"):
            self._skip_rest_of_line()
            return self._number, raw[:200].decode(errors="replace"), f"longer than {MAX_LINE_BYTES:,} bytes"
        if self._number == 1:
            raw = raw.removeprefix(b"\xef\xbb\xbf")
        raw = raw.removesuffix(b"\n").removesuffix(b"\r")
        try:
            return self._number, raw.decode(), None
        except UnicodeDecodeError as err:
            return self._number, raw.decode(errors="replace"), f"not UTF-8: {err.reason} at byte {err.start}"

    def put_back(self, lines: list[tuple[int, str, str | None]]) -> None:
        """Let these be taken again."""
        self._returned.extendleft(reversed(lines))

    def _skip_rest_of_line(self) -> None:
        while (raw := self._stream.readline(MAX_LINE_BYTES)) and not raw.endswith(b"\n"):
            pass
