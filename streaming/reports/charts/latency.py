"""How long people waited: for the first reply and for the answer."""

from streaming.figures.run_summary import Percentiles
from streaming.figures.values import Whole
from streaming.reports.charts.drawing import BLUE, HEIGHT, MUTED, VERMILLION, log_ms_axis, steps, two_panels
from streaming.reports.digits import duration
from streaming.reports.frame import Chart, Table

TITLE = "Latency, perceived and real"
LOOKS = {"perceived": (VERMILLION, "dash", "perceived"), "real": (BLUE, "solid", "real")}
SYMBOLS = {"p50": "circle", "p90": "square", "p95": "diamond", "p99": "triangle-up", "max": "x"}


def latency(whole: Whole) -> Chart:
    """Distributions on a logarithmic axis, and their percentiles below."""
    slug, histogram = "latency", whole.latency_distribution
    if histogram is None or not any(map(sum, histogram.lines.values())):
        return Chart(slug, TITLE, "No request got a reply, so there are no latencies to show.", None)
    figure = two_panels(height=HEIGHT + 20, upper=0.72, spacing=0.05)
    of = {"perceived": whole.perceived, "real": whole.real}
    for line, look in LOOKS.items():
        if line in histogram.lines:
            figure.add_trace(steps(histogram, line, *look) | {"hovertemplate": "%{y:,} from %{x:.3s} ms<extra></extra>"})
    for line, (colour, _, name) in LOOKS.items():
        known = {at: value for at in SYMBOLS if (value := getattr(of[line], at)) is not None}
        figure.add_trace(
            {
                "type": "scatter",
                "mode": "lines+markers",
                "x": [max(value, histogram.edges[0]) for value in known.values()],
                "y": [name] * len(known),
                "xaxis": "x2",
                "yaxis": "y2",
                "showlegend": False,
                "line": {"color": colour, "width": 1.5},
                "marker": {"symbol": [SYMBOLS[at] for at in known], "size": 10, "color": colour},
                "customdata": [[at, duration(value)] for at, value in known.items()],
                "hovertemplate": "%{y} %{customdata[0]}: %{customdata[1]}<extra></extra>",
            }
        )
    for at, symbol in SYMBOLS.items():
        marker = {"symbol": symbol, "size": 9, "color": MUTED}
        figure.add_trace(
            {"type": "scatter", "mode": "markers", "x": [None], "y": [None], "name": at, "marker": marker, "xaxis": "x2", "yaxis": "y2"}
        )
    figure.update_xaxes(**log_ms_axis(histogram.edges[0], histogram.edges[-1]))
    figure.update_layout(xaxis2_title_text="time since the intended moment (log scale)", yaxis_title_text="requests")
    figure.update_layout(yaxis_rangemode="tozero", yaxis2={"type": "category", "showgrid": False, "autorange": "reversed"})
    columns = ("latency", *SYMBOLS)
    rows = [(line, *(duration(getattr(of[line], at)) for at in SYMBOLS)) for line in LOOKS]
    return Chart(slug, TITLE, caption(whole.perceived, whole.real), figure, Table("Latency as a table", columns, rows))


def caption(perceived: Percentiles, real: Percentiles) -> str:
    """Both medians and both ends, in one sentence."""
    replied = f"Half of the requests had their first reply within {duration(perceived.p50)} and 95 % within {duration(perceived.p95)}"
    if real.p50 is None:
        return f"{replied}; none had its answer."
    return f"{replied}; half of the answers were there within {duration(real.p50)} and 95 % within {duration(real.p95)}."
