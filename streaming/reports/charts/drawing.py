"""What all charts share: colours by name, axes with units, labels that are only text.

Colours are custom properties of the style sheet, so that a figure follows the colour scheme. Colour is never alone: lines differ by dash,
bars by pattern, and everything has its name beside it.
"""

import html
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from plotly.graph_objects import Figure
from plotly.subplots import make_subplots

from streaming.figures.buckets import Histogram, Series
from streaming.reports.digits import duration

BLUE, VERMILLION, GREEN, PURPLE, SKY, AMBER, GREY = (
    f"var(--{name})" for name in ("blue", "vermillion", "green", "purple", "sky", "amber", "grey")
)
INK, MUTED, GRID, AXIS, PANEL = (f"var(--{name})" for name in ("ink", "muted", "grid", "axis", "panel"))
DASHES = ("solid", "dash", "dot", "dashdot", "longdash", "longdashdot")
COLOURS = (BLUE, VERMILLION, GREEN, PURPLE, AMBER, SKY)

Look = tuple[str, str]  # colour and pattern of a bar
HEIGHT = 380  # pixels of most charts, so that those side by side are alike
BAR_PX = 26
MARGIN = {"l": 8, "r": 16, "t": 8, "b": 8}


def soft(colour: str) -> str:
    """The colour to fill areas with."""
    return colour.replace(")", "-soft)")


def label(text: str, longest: int = 40) -> str:
    """Text from outside as plotly draws it: as it is, not as the markup it may look like; cut off where it is too long."""
    return html.escape(text if len(text) <= longest else f"{text[: longest - 1]}…", quote=False)


def drawn(traces: Sequence[Any], height: int, **layout: Any) -> Figure:
    """A figure of these traces in the look of all: no frame, no shadow, quiet grid. `height` in pixels; the width is the page's."""
    return styled(Figure(traces), height, **layout)


def two_panels(height: int, upper: float, spacing: float, **layout: Any) -> Figure:
    """An empty figure of one panel (axes x, y) over another (x2, y2) on the same x axis; `upper`: the first one's share of the height."""
    rows = make_subplots(rows=2, cols=1, shared_xaxes=True, row_heights=[upper, 1 - upper], vertical_spacing=spacing)
    return styled(rows, height, **layout)


def styled(figure: Figure, height: int, **layout: Any) -> Figure:
    """The figure in the look of all; `height` in pixels.

    Put together as plain values and checked once: plotly takes ten times as long to update a figure piece by piece.
    """
    look = {
        "template": "none",
        "height": height,
        "margin": MARGIN,
        "paper_bgcolor": PANEL,
        "plot_bgcolor": PANEL,
        "font": {"size": 13, "color": INK},
        "hoverlabel": {"bgcolor": PANEL, "bordercolor": AXIS, "font": {"color": INK}},
        "legend": {"orientation": "h", "x": 0, "xanchor": "left", "y": 1.02, "yanchor": "bottom"},
        "dragmode": False,
    }
    whole = _merged(_merged(figure.layout.to_plotly_json(), look), layout)
    axes = {name: _AXIS for name in {"xaxis", "yaxis", *whole} if name.startswith(("xaxis", "yaxis"))}
    figure.layout = _merged(whole, axes)
    return figure


def _merged(under: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """Both, mappings within them merged too; where both have a value it is the one of `over`."""
    both = {
        name: _merged(under[name], value) if isinstance(value, Mapping) and isinstance(under.get(name), Mapping) else value
        for name, value in over.items()
    }
    return {**under, **both}


_AXIS = {
    "gridcolor": GRID,
    "linecolor": AXIS,
    "zerolinecolor": AXIS,
    "tickcolor": AXIS,
    "tickfont": {"color": MUTED, "size": 12},
    "title": {"font": {"color": MUTED, "size": 12}, "standoff": 8},
    "automargin": True,
    "fixedrange": True,
}


def bars(values: Mapping[str, float], notes: Sequence[str], looks: Sequence[Look], height: float = HEIGHT) -> dict[str, Any]:
    """A trace of horizontal bars, each with its name and below it a note at the axis, where text has room on any screen.

    `looks`: colour and pattern of each. `height`: pixels of the panel, so that few bars do not get fat.
    """
    return {
        "type": "bar",
        "orientation": "h",
        "y": [f"{label(name, 32)}<br>{note}" for name, note in zip(values, notes, strict=True)],
        "x": list(values.values()),
        "width": min(0.6, BAR_PX * len(values) / height),
        "marker": marker(looks),
        "hovertemplate": "%{y}<extra></extra>",
    }


def marker(looks: Sequence[Look]) -> dict[str, Any]:
    """The look of each bar of a trace."""
    colours = [colour for colour, _ in looks]
    pattern = {"shape": [shape for _, shape in looks], "fgcolor": colours, "bgcolor": [soft(colour) for colour in colours], "size": 7}
    return {"color": colours, "line": {"color": colours, "width": 1}, "pattern": pattern}


def named_rows(figure: Figure) -> None:
    """Axes for bars: names from top to bottom, numbers from 0."""
    figure.update_layout(showlegend=False, margin={"l": 8, "r": 20, "t": 4, "b": 8})
    figure.update_xaxes(rangemode="tozero", showline=False, nticks=6, separatethousands=True)
    figure.update_yaxes(type="category", autorange="reversed", showgrid=False, ticklabelstandoff=6, tickfont={"color": INK, "size": 12})


def steps(histogram: Histogram, line: str, colour: str, dash: str, name: str) -> dict[str, Any]:
    """A line of a histogram as filled steps from edge to edge."""
    counts = list(histogram.lines[line])
    return {
        "type": "scatter",
        "mode": "lines",
        "name": name,
        "x": list(histogram.edges),
        "y": [*counts, counts[-1]],
        "line": {"shape": "hv", "color": colour, "dash": dash, "width": 2},
        "fill": "tozeroy",
        "fillcolor": soft(colour),
        "hovertemplate": f"{name}: %{{y:,}} from %{{x:.4g}}<extra></extra>",
    }


def mark_threshold(figure: Figure, at: float, text: str, dash: str, height: float = 1) -> None:
    """A vertical line with its label to the left of it; `height` of the label: 1 is the top of the panel."""
    figure.add_vline(x=at, line={"color": INK, "dash": dash, "width": 1.5})
    figure.add_annotation(
        x=at,
        y=height,
        yref="paper",
        text=text,
        showarrow=False,
        xanchor="right",
        yanchor="top",
        xshift=-6,
        font={"color": INK},
        bgcolor=GRID,
        borderpad=3,
    )


def times(series: Series) -> list[datetime]:
    """The start of each bucket."""
    length = max((len(values) for values in series.lines.values()), default=0)
    return [series.start + timedelta(seconds=series.step_s * index) for index in range(length)]


def over_time(series: Series, line: str, colour: str, dash: str, name: str, unit: str) -> dict[str, Any]:
    """A line of a series; it has a gap where there is no sample."""
    return {
        "type": "scatter",
        "mode": "lines",
        "name": name,
        "x": [time.strftime("%Y-%m-%d %H:%M:%S") for time in times(series)],
        "y": list(series.lines[line]),
        "line": {"color": colour, "dash": dash, "width": 2},
        "connectgaps": False,
        "hovertemplate": f"%{{x|%H:%M:%S}} UTC, {name}: %{{y:.3~s}} {unit}<extra></extra>",
    }


def has_samples(series: Series | None) -> bool:
    """Whether any line has a value in any bucket."""
    return series is not None and any(value is not None for values in series.lines.values() for value in values)


def log_ms_axis(low: float, high: float) -> dict[str, Any]:
    """A logarithmic axis of milliseconds from a positive `low` to `high`, a tick for each power of ten, named with its unit."""
    ticks = [10.0**power for power in range(-3, 9) if low <= 10.0**power <= high]
    return {"type": "log", "tickvals": ticks, "ticktext": [duration(tick) for tick in ticks]}
