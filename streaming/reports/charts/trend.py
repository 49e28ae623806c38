"""How the main figures went from day to day."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, timedelta
from typing import Any

from plotly.subplots import make_subplots

from streaming.figures.values import Figures, Report
from streaming.reports.charts.drawing import BLUE, GREEN, MUTED, PURPLE, VERMILLION, styled
from streaming.reports.digits import count, duration, noun, percent, score
from streaming.reports.frame import Chart, Table

TITLE = "Main figures from day to day"


@dataclass(frozen=True)
class Line:
    """A figure of each day: its value, how it is written, and `scale`, which turns the value into the unit of the axis."""

    name: str
    unit: str
    scale: float
    value: Callable[[Figures], float | None]
    written: Callable[[float | None], str]
    colour: str
    dash: str
    symbol: str


LINES = (
    Line("failure rate", "%", 100, lambda day: day.whole.failure_rate, percent, VERMILLION, "dash", "diamond"),
    Line("real latency, p95", "s", 0.001, lambda day: day.whole.real.p95, duration, BLUE, "solid", "circle"),
    Line("final score, mean", "BERTScore F1", 1, lambda day: day.flink.scores.mean_final, score, GREEN, "dot", "square"),
    Line("questions", "answered and failed", 1, lambda day: day.whole.answered + day.whole.failed, count, PURPLE, "dashdot", "triangle-up"),
)


def trend(reports: Sequence[Report]) -> Chart:
    """Failure rate, p95 of the real latency, mean final score and questions, a panel each.

    A day without a report, or on which nothing happened, has no point and breaks the line.
    """
    by_day = {each.figures.scope.since.astimezone(UTC).date(): each.figures for each in reports if not each.figures.empty}
    if not by_day:
        return Chart("trend", TITLE, "Nothing happened on any of these days.", None)
    first, last = min(by_day), max(by_day)
    days = [first + timedelta(days=index) for index in range((last - first).days + 1)]
    panels = make_subplots(
        rows=len(LINES), cols=1, shared_xaxes=True, vertical_spacing=0.09, subplot_titles=[f"{line.name} ({line.unit})" for line in LINES]
    )
    figure = styled(panels, height=580, showlegend=False)
    for row, line in enumerate(LINES, start=1):
        figure.add_trace(_trace(line, days, by_day), row=row, col=1)
    figure.update_layout(margin_t=26)
    figure.update_annotations(x=0, xanchor="left", font={"size": 13, "color": MUTED})
    figure.update_xaxes(type="date", tickformat="%-d %b<br>%Y", nticks=6, tickangle=0)
    figure.update_xaxes(title_text="day (UTC)", row=len(LINES), col=1)
    figure.update_yaxes(nticks=4, rangemode="tozero", separatethousands=True)
    rows = [(f"{day}", *(line.written(line.value(by_day[day])) for line in LINES)) for day in sorted(by_day, reverse=True)]
    return Chart("trend", TITLE, caption(by_day), figure, Table("The days as a table", ("day", *(line.name for line in LINES)), rows))


def _trace(line: Line, days: Sequence[date], by_day: dict[date, Figures]) -> dict[str, Any]:
    values = [line.value(by_day[day]) if day in by_day else None for day in days]
    return {
        "type": "scatter",
        "mode": "lines+markers",
        "x": [f"{day}" for day in days],
        "y": [None if value is None else value * line.scale for value in values],
        "customdata": [line.written(value) for value in values],
        "line": {"color": line.colour, "dash": line.dash, "width": 2},
        "marker": {"symbol": line.symbol, "size": 8, "color": line.colour},
        "connectgaps": False,
        "hovertemplate": f"%{{x|%Y-%m-%d}}, {line.name}: %{{customdata}}<extra></extra>",
    }


def caption(by_day: dict[date, Figures]) -> str:
    """The newest day against the mean of those before it."""
    newest = max(by_day)
    before = [rate for day, figures in by_day.items() if day < newest and (rate := figures.whole.failure_rate) is not None]
    of_newest = f"{newest} had a failure rate of {percent(by_day[newest].whole.failure_rate)}"
    if not before:
        return f"{of_newest}; no day before it has one to compare with."
    return f"{of_newest}, against {percent(sum(before) / len(before))} on average of the {noun(len(before), 'day')} before it."
