"""The references that the simulator makes its answers from: the loaded corpus in PostgreSQL, else CSV files."""

import asyncio
import csv
import logging
import time
from collections import OrderedDict
from collections.abc import Collection
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Protocol, TypeVar
from uuid import UUID

from psycopg2.extensions import connection

from streaming.errors import ConfigurationError, Unreachable
from streaming.identity import dataset_question_text, question_id
from streaming.postgres.connect import connect
from streaming.postgres.errors import translated

log = logging.getLogger(__name__)

REMEMBERED_MOST = 50_000
# The corpus may be loaded while we run: an unknown question is looked up again after so long.
UNKNOWN_FOR_S = 30.0
DATABASE_AWAY_FOR_S = 5.0
LOOK_UP_S = 2.0

T = TypeVar("T")

_REFERENCE = "SELECT original_answer FROM dataset_questions WHERE text_hash = %s AND original_answer IS NOT NULL ORDER BY dataset LIMIT 1"


class Corpus(Protocol):
    """Finds the reference answer of a question."""

    async def reference(self, question_text: str) -> str | None:
        """The reference for this text, however it is spaced or cased; None if nobody knows one."""


class CsvCorpus:
    """References from CSV files in the Yahoo format (class, title, content, answer), all in memory; what the loader would refuse is
    passed over here."""

    def __init__(self, paths: Collection[Path]) -> None:
        """Raises ConfigurationError for a file that cannot be read."""
        self._references: dict[UUID, str] = {}
        for path in paths:
            try:
                with path.open(encoding="utf-8-sig", errors="replace", newline="") as stream:
                    for row in csv.reader(stream):
                        self._add(row)
            except OSError as err:
                raise ConfigurationError(f"ANSWERLOOP_SIMULATOR_CORPUS names {path}, which cannot be read: {err}") from err

    def _add(self, row: list[str]) -> None:
        texts = [field.replace("\\n", "\n").strip() for field in row[1:]]
        if len(texts) == 3 and all((texts[0], texts[2])):
            title, content, answer = texts
            self._references.setdefault(question_id("", dataset_question_text(title, content)), answer)

    async def reference(self, question_text: str) -> str | None:
        """The reference of the first row with this text."""
        return self._references.get(question_id("", question_text))


class DatabaseCorpus:
    """References from `dataset_questions`, remembered; the second corpus answers while the database is away or knows none."""

    def __init__(self, database_url: str, otherwise: Corpus) -> None:
        self._url = database_url
        self._otherwise = otherwise
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="corpus")
        self._connection: connection | None = None
        self._known: OrderedDict[UUID, str] = OrderedDict()
        self._unknown: OrderedDict[UUID, float] = OrderedDict()
        self._away_until = 0.0

    async def reference(self, question_text: str) -> str | None:
        """The reference of the loaded row with this text."""
        text_hash = question_id("", question_text)
        if (known := self._known.get(text_hash)) is not None:
            self._known.move_to_end(text_hash)
            return known
        if time.monotonic() >= max(self._away_until, self._unknown.get(text_hash, 0.0)):
            found = await asyncio.get_running_loop().run_in_executor(self._thread, self._look_up, text_hash)
            if found is not None:
                _remember(self._known, text_hash, found)
                return found
            _remember(self._unknown, text_hash, time.monotonic() + UNKNOWN_FOR_S)
        return await self._otherwise.reference(question_text)

    def _look_up(self, text_hash: UUID) -> str | None:
        if time.monotonic() < self._away_until:
            return None
        try:
            if self._connection is None:
                self._connection = connect(self._url, LOOK_UP_S, application_name="simulator")
                self._connection.autocommit = True
            with translated(), self._connection.cursor() as cursor:
                cursor.execute(_REFERENCE, (str(text_hash),))
                row = cursor.fetchone()
            return row[0] if row else None
        except (Unreachable, ConfigurationError) as err:
            log.warning("the corpus cannot be read for %.0f s: %s", DATABASE_AWAY_FOR_S, str(err).strip())
            self._away_until = time.monotonic() + DATABASE_AWAY_FOR_S
            if self._connection is not None:
                self._connection.close()
                self._connection = None
            return None


def _remember(cache: OrderedDict[UUID, T], text_hash: UUID, value: T) -> None:
    cache[text_hash] = value
    cache.move_to_end(text_hash)
    if len(cache) > REMEMBERED_MOST:
        cache.popitem(last=False)
