"""What went in and came out over time, and what waited."""

from typing import Any

from streaming.figures.buckets import Series
from streaming.figures.values import Kafka, Whole
from streaming.reports.charts.drawing import (
    BLUE,
    COLOURS,
    DASHES,
    GREEN,
    PURPLE,
    VERMILLION,
    drawn,
    has_samples,
    label,
    over_time,
    soft,
    two_panels,
)
from streaming.reports.digits import count, duration, noun, significant
from streaming.reports.frame import Chart, Table

THROUGHPUT = "Throughput and backlog"
LAG = "Records waiting in Kafka"
TALL = 480
MOST_LINES = 5
SYMBOLS = ("circle", "square", "diamond", "triangle-up", "cross")
UPRIGHT = {"tickangle": 0, "nticks": 5}  # so few times that none is turned on a narrow screen
RATES = {"asked": (GREEN, "dot"), "answered": (BLUE, "solid"), "failed": (VERMILLION, "dash")}


def throughput(whole: Whole) -> Chart:
    """Questions a second above, questions on their way below."""
    slug, series = "throughput", whole.over_time
    if series is None or not has_samples(series):
        return Chart(slug, THROUGHPUT, "No request was sent, so there is no throughput to show.", None)
    figure = two_panels(height=TALL, upper=0.58, spacing=0.07)
    for line, look in RATES.items():
        if line in series.lines:
            figure.add_trace(over_time(series, line, *look, line, "per second"))
    if "pending" in series.lines:
        pending = over_time(series, "pending", PURPLE, "solid", "pending", "questions")
        figure.add_trace(pending | {"fill": "tozeroy", "fillcolor": soft(PURPLE), "xaxis": "x2", "yaxis": "y2"})
    figure.update_yaxes(rangemode="tozero")
    figure.update_layout(yaxis_title_text="per second", yaxis2_title_text="questions", xaxis2_title_text="time (UTC)")
    figure.update_layout(xaxis_showticklabels=False)
    figure.update_xaxes(**UPRIGHT)
    table = Table("Throughput as a table", ("line", "mean", "largest", "last"), summary_rows(series))
    return Chart(slug, THROUGHPUT, caption(whole, series), figure, table)


def caption(whole: Whole, series: Series) -> str:
    """How fast, and how much was left waiting."""
    rate = "Throughput" if whole.questions_per_s is None else f"{significant(whole.questions_per_s)} questions a second"
    pending = [value for value in series.lines.get("pending", ()) if value is not None]
    every = duration(series.step_s * 1000)
    if not pending:
        return f"{rate}, in steps of {every}."
    return (
        f"{rate} on average; counted every {every}, at most {count(max(pending))} were on their way, and {count(pending[-1])} at the end."
    )


def lag(kafka: Kafka) -> Chart:
    """Lag of each group on its topic; where there are more than can be told apart, those that had most."""
    slug, series = "lag", kafka.lag_over_time
    if series is None or not has_samples(series):
        return Chart(slug, LAG, "Kafka was not sampled in this time, so there is no lag to show.", None)
    peaks = {line: max((value for value in values if value is not None), default=0.0) for line, values in series.lines.items()}
    shown = sorted(peaks, key=lambda line: (-peaks[line], line))[:MOST_LINES]
    looks = zip(shown, COLOURS, DASHES, SYMBOLS, strict=False)
    traces = [_samples(series, line, colour, dash, symbol) for line, colour, dash, symbol in looks]
    figure = drawn(traces, height=TALL)
    figure.update_layout(legend={"orientation": "v", "y": -0.28, "yanchor": "top"}, hovermode="closest")
    figure.update_xaxes(title_text="time (UTC)", **UPRIGHT)
    figure.update_yaxes(title_text="records", rangemode="tozero")
    table = Table("Lag as a table", ("topic / group", "mean", "largest", "last"), summary_rows(series))
    left_out = len(peaks) - len(shown)
    among = f"; the table holds {left_out} more with less" if left_out else ""
    worst = max(kafka.lag, key=lambda each: each.largest, default=None)
    if worst is None or not worst.largest:
        return Chart(slug, LAG, f"No group was behind when it was sampled{among}.", figure, table)
    sentence = f"At most {noun(worst.largest, 'record')} waited, in {worst.topic} for {worst.group}; a mark is a sample{among}."
    return Chart(slug, LAG, sentence, figure, table)


def _samples(series: Series, line: str, colour: str, dash: str, symbol: str) -> dict[str, Any]:
    """A mark for each sample, for there are fewer than buckets, and a thin line that leads from one to the next."""
    name = "<br>".join(label(part) for part in line.split(" / "))
    trace = over_time(series, line, colour, dash, name, "records")
    marks = {"mode": "lines+markers", "connectgaps": True, "marker": {"symbol": symbol, "size": 5, "color": colour}}
    return trace | marks | {"line": {"color": colour, "dash": dash, "width": 1.5}}


def summary_rows(series: Series) -> list[tuple[str, str, str, str]]:
    """(line, mean, largest, last) of the buckets that have a sample."""
    found = []
    for line, values in series.lines.items():
        known = [value for value in values if value is not None]
        if known:
            found.append((line, significant(sum(known) / len(known)), significant(max(known)), significant(known[-1])))
    return found
