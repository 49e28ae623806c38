"""The figures of a report as CSV: a file of single values, and one for each series and distribution.

Every file has the column `run`: empty for the report's own figures, a run_id for that run's part of a day. Values are as measured, times
ISO 8601 UTC; an empty cell is a value that there is not.
"""

import csv
import io
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, timedelta
from itertools import pairwise

from streaming.figures.buckets import Histogram, Series
from streaming.figures.values import Figures, Report
from streaming.reports.metrics import metrics

Row = tuple[str | float | None, ...]
# A spreadsheet takes what begins with one of these for a formula.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def csv_files(report: Report) -> dict[str, str]:
    """The content of each file by its name. The files are always the same ones; without figures they hold their columns alone."""
    return {name: _file(columns, rows, report) for name, (columns, rows) in _FILES.items()}


def descriptions() -> list[tuple[str, str]]:
    """(file name, what it holds), for a list of files on a page."""
    return [(name, _HOLDS[name]) for name in _FILES]


def _file(columns: tuple[str, ...], rows: Callable[[Figures], Iterable[Row]], report: Report) -> str:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(("run", *columns))
    for run, figures in (("", report.figures), *((each.scope.run_id or "", each) for each in report.runs)):
        for row in rows(figures):
            writer.writerow([_cell(each) for each in (run, *row)])
    return out.getvalue()


def _cell(value: str | float | None) -> str | float | None:
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value


def _metrics(figures: Figures) -> Iterator[Row]:
    return ((each.part, each.metric, each.label, each.value, each.unit) for each in metrics(figures))


def _scores(figures: Figures) -> Iterator[Row]:
    return _bins(figures.flink.score_distribution)


def _latencies(figures: Figures) -> Iterator[Row]:
    return _bins(figures.whole.latency_distribution)


def _over_time(figures: Figures) -> Iterator[Row]:
    return _points(figures.whole.over_time)


def _lag(figures: Figures) -> Iterator[Row]:
    return _points(figures.kafka.lag_over_time)


def _flows(figures: Figures) -> Iterator[Row]:
    return ((each.source, each.target, each.count) for each in figures.whole.flows)


def _bins(histogram: Histogram | None) -> Iterator[Row]:
    if histogram is not None:
        for line, counts in histogram.lines.items():
            for (low, high), number in zip(pairwise(histogram.edges), counts, strict=True):
                yield line, low, high, number


def _points(series: Series | None) -> Iterator[Row]:
    if series is not None:
        for line, values in series.lines.items():
            for index, value in enumerate(values):
                start = series.start.astimezone(UTC) + timedelta(seconds=series.step_s * index)
                yield line, start.isoformat(timespec="milliseconds"), value


_FILES: Mapping[str, tuple[tuple[str, ...], Callable[[Figures], Iterable[Row]]]] = {
    "metrics.csv": (("part", "metric", "label", "value", "unit"), _metrics),
    "score_distribution.csv": (("line", "from_f1", "to_f1", "answers"), _scores),
    "latency_distribution.csv": (("line", "from_ms", "to_ms", "requests"), _latencies),
    "series_over_time.csv": (("line", "time", "value"), _over_time),
    "series_lag.csv": (("topic_and_group", "time", "records"), _lag),
    "flows.csv": (("from", "to", "count"), _flows),
}
_HOLDS = {
    "metrics.csv": "every single value, with its unit",
    "score_distribution.csv": "answers by score, of first and final attempts",
    "latency_distribution.csv": "requests by perceived and real latency",
    "series_over_time.csv": "asked, answered and failed per second, and pending questions, over time",
    "series_lag.csv": "records waiting in Kafka, by topic and group, over time",
    "flows.csv": "how many questions went from one station of the loop to another",
}
