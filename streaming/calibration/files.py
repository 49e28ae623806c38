"""The files beside the page of a calibration: the same figures as JSON and CSV."""

import csv
import io
from collections.abc import Callable, Iterable, Mapping

import msgspec

from streaming.calibration.thresholds import STEPS
from streaming.figures.rates import Calibration, rates_at


def _json(calibration: Calibration) -> str:
    return msgspec.json.format(msgspec.json.encode(calibration), indent=2).decode()


def _thresholds_csv(calibration: Calibration) -> str:
    rates = ("false_accept", "false_reject", "false_accept_same_topic")
    columns = ("threshold", *(f"{rate}{part}" for rate in rates for part in ("_rate", "_low", "_high")))
    return _csv(columns, _thresholds(calibration))


def _scores_csv(calibration: Calibration) -> str:
    rows = ((each.group, each.kind, score) for each in calibration.samples for score in each.scores)
    return _csv(("pairs", "answer", "score"), rows)


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


# What makes the content of each file, by its name.
FILES: Mapping[str, Callable[[Calibration], str]] = {
    "calibration.json": _json,
    "thresholds.csv": _thresholds_csv,
    "scores.csv": _scores_csv,
}
