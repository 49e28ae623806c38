"""How the main figures went from day to day."""

from collections.abc import Callable, Sequence

from plotly.subplots import make_subplots

from streaming.reports.charts.drawing import BLUE, GREEN, MUTED, PURPLE, VERMILLION, styled
from streaming.reports.digits import count, duration, noun, percent, score
from streaming.reports.figures import Figures, Report
from streaming.reports.frame import Chart, Table

TITLE = "Main figures from day to day"
# What, its unit, its value of a day, how it is written, colour, dash, symbol.
LINES: Sequence[tuple[str, str, Callable[[Figures], float | None], Callable[[float | None], str], str, str, str]] = (
    (
        "failure rate",
        "%",
        lambda day: _times(day.whole.failure_rate, 100),
        lambda v: percent(_times(v, 0.01)),
        VERMILLION,
        "dash",
        "diamond",
    ),
    ("real latency, p95", "s", lambda day: _times(day.whole.real.p95, 0.001), lambda v: duration(_times(v, 1000)), BLUE, "solid", "circle"),
    ("final score, mean", "F1", lambda day: day.flink.scores.mean_final, score, GREEN, "dot", "square"),
    ("questions", "count", lambda day: float(day.whole.answered + day.whole.failed), count, PURPLE, "dashdot", "triangle-up"),
)


def trend(reports: Sequence[Report], prefix: str = "") -> Chart:
    """Failure rate, p95 of the real latency, mean final score and questions, a panel each. A day on which nothing happened has no point."""
    slug = f"{prefix}trend"
    by_day = {each.figures.scope.subject: each.figures for each in reports}
    days = [by_day[day] for day in sorted(by_day)]
    alive = [day for day in days if not day.empty]
    if not alive:
        return Chart(slug, TITLE, "Nothing happened on any of these days.", None)
    figure = styled(
        make_subplots(
            rows=len(LINES),
            cols=1,
            shared_xaxes=True,
            vertical_spacing=0.08,
            subplot_titles=[f"{name} ({unit})" for name, unit, *_ in LINES],
        ),
        560,
    )
    figure.update_annotations(x=0, xanchor="left", font={"size": 13, "color": MUTED})
    for row, (name, _, value, written, colour, dash, symbol) in enumerate(LINES, start=1):
        values = [None if day.empty else value(day) for day in days]
        figure.add_trace(
            {
                "type": "scatter",
                "mode": "lines+markers",
                "x": [day.scope.subject for day in days],
                "y": values,
                "customdata": [written(each) for each in values],
                "line": {"color": colour, "dash": dash, "width": 2},
                "marker": {"symbol": symbol, "size": 8, "color": colour},
                "connectgaps": False,
                "hovertemplate": f"%{{x}}, {name}: %{{customdata}}<extra></extra>",
            },
            row=row,
            col=1,
        )
    figure.update_layout(showlegend=False)
    figure.update_xaxes(type="category", nticks=10)
    figure.update_xaxes(title_text="day (UTC)", row=len(LINES), col=1)
    figure.update_yaxes(nticks=4, rangemode="tozero")
    rows = [
        (day.scope.subject, *(written(None if day.empty else value(day)) for _, _, value, written, *_ in LINES)) for day in reversed(days)
    ]
    table = Table("The days as a table", ("day", *(name for name, *_ in LINES)), rows)
    return Chart(slug, TITLE, caption(alive), figure, table)


def caption(alive: Sequence[Figures]) -> str:
    """The newest day against the mean of those before it."""
    newest, before = alive[-1], [rate for day in alive[:-1] if (rate := day.whole.failure_rate) is not None]
    of_newest = f"{newest.scope.subject} had a failure rate of {percent(newest.whole.failure_rate)}"
    if not before:
        return f"{of_newest}; no day before it has one to compare with."
    return f"{of_newest}, against {percent(sum(before) / len(before))} on average of the {noun(len(before), 'day')} before it."


def _times(value: float | None, factor: float) -> float | None:
    return None if value is None else value * factor
