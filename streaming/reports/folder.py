"""A report's folder: files that whoever reads meanwhile sees whole, in the old or the new state."""

import re
from collections.abc import Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from uuid import uuid4

import msgspec

from streaming.figures.scope import Kind
from streaming.figures.values import Report
from streaming.reports.csv_files import csv_files
from streaming.reports.page import render

LONGEST_NAME = 80


def place(reports_dir: Path, kind: Kind, subject: str) -> Path:
    """The folder of a report. A subject that holds what a file's name should not gets a digest instead, so that no two share a folder."""
    safe = re.sub(r"[^A-Za-z0-9_.~-]+", "-", subject)[:LONGEST_NAME].strip(".-") or "report"
    return reports_dir / kind.value / (safe if safe == subject else f"{safe}-{sha256(subject.encode()).hexdigest()[:8]}")


def write_files(folder: Path, contents: Mapping[str, str]) -> None:
    """Write each file by its name, in this order; each is replaced as a whole. The folder is made where it is missing."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in contents.items():
        beside = folder / f".{name}.{uuid4().hex}"
        try:
            beside.write_text(content, encoding="utf-8")
            beside.replace(folder / name)
        finally:
            beside.unlink(missing_ok=True)


def write(report: Report, folder: Path, earlier: Sequence[Report] = ()) -> Path:
    """index.html, figures.json and the CSV files, in a folder that is made where it is missing; gives the path of index.html.

    Every file is replaced as a whole, the page last: who reads while a report is written again sees the old or the new one.
    """
    figures = msgspec.json.format(msgspec.json.encode(report), indent=2).decode()
    write_files(folder, {"figures.json": figures} | csv_files(report) | {"index.html": render(report, earlier)})
    return folder / "index.html"
