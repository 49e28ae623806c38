"""The files of a calibration's report: the page, the same figures as JSON and CSV."""

import csv
import io
from collections.abc import Iterable
from pathlib import Path

import msgspec

from streaming.reports.calibration_page import render
from streaming.reports.figures import Kind
from streaming.reports.folder import place, write_files
from streaming.scoring.calibration import STEPS, Calibration, rates_at


def write(calibration: Calibration, reports_dir: Path) -> Path:
    """Write all files, each replaced as a whole, the page last; gives the path of the page."""
    folder = place(reports_dir, Kind.CALIBRATION, calibration.subject)
    write_files(folder, files(calibration))
    return folder / "index.html"


def files(calibration: Calibration) -> dict[str, str]:
    """The content of each file by its name."""
    return {
        "calibration.json": msgspec.json.format(msgspec.json.encode(calibration), indent=2).decode(),
        "thresholds.csv": _csv(
            (
                "threshold",
                *(
                    f"{rate}{part}"
                    for rate in ("false_accept", "false_reject", "false_accept_same_topic")
                    for part in ("_rate", "_low", "_high")
                ),
            ),
            _thresholds(calibration),
        ),
        "scores.csv": _csv(
            ("pairs", "answer", "score"), ((each.group, each.kind, score) for each in calibration.samples for score in each.scores)
        ),
        "index.html": render(calibration),
    }


def _thresholds(calibration: Calibration) -> Iterable[tuple[float | None, ...]]:
    for step in range(0, STEPS + 1, STEPS // 200):
        rates = rates_at(calibration.samples, step / STEPS)
        values: list[float | None] = []
        for share in (rates.false_accepts, rates.false_rejects, rates.same_topic):
            values += [round(each, 6) for each in (share.rate, share.low, share.high)] if share else [None, None, None]
        yield rates.threshold, *values


def _csv(columns: Iterable[str], rows: Iterable[Iterable[object]]) -> str:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(rows)
    return out.getvalue()
