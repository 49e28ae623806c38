"""The side file of a load: the rows that cannot be used, each with its line number and reason."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Self, TextIO

from streaming.datasets.csv_rows import Rejected, Row
from streaming.errors import UserError


class SideFile:
    """Written anew by every load, and only if there is a row to write: without one, that of an earlier load is removed."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.count = 0
        self.first: Rejected | None = None
        self._file: TextIO | None = None

    def __enter__(self) -> Self:
        try:
            if self.path.exists():
                self.path.unlink()
        except OSError as err:
            raise self._unwritable(err) from err
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._file is not None:
            self._file.close()

    def divert(self, rows: Iterable[Row | Rejected]) -> Iterator[Row]:
        """The good rows; the others go to the file. Raises UserError where it cannot be written."""
        for row in rows:
            if isinstance(row, Row):
                yield row
            else:
                self._write(row)

    def _write(self, row: Rejected) -> None:
        try:
            if self._file is None:
                self.path.parent.mkdir(parents=True, exist_ok=True)
                self._file = self.path.open("w", encoding="utf-8", newline="")
                csv.writer(self._file).writerow(["line_number", "reason", "row"])
            csv.writer(self._file).writerow([row.line_number, row.reason, row.raw.replace("\0", "\ufffd")])
        except OSError as err:
            raise self._unwritable(err) from err
        self.count += 1
        if self.first is None:
            self.first = row

    def _unwritable(self, err: OSError) -> UserError:
        return UserError(f"Rejected rows cannot be written to {self.path}: {err.strerror}. Give a folder for them with --rejected.")
