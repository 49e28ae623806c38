"""Scores of matched and unrelated pairs, and what each threshold makes of them."""

from bisect import bisect_left
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from plotly.graph_objects import Figure

from streaming.calibration.thresholds import spread
from streaming.figures.buckets import Histogram
from streaming.figures.rates import Calibration, Group, Rates, rates_at, scores_of
from streaming.reports.charts.drawing import AMBER, BLUE, PURPLE, VERMILLION, drawn, mark_threshold, steps
from streaming.reports.digits import noun, percent, score
from streaming.reports.frame import Chart, Table

DISTRIBUTIONS, ERRORS = "Scores by kind of pair", "Errors of each threshold"
BINS = 50
LOOKS = {
    Group.MATCHED: (BLUE, "solid", "matched"),
    Group.UNRELATED: (VERMILLION, "dash", "unrelated"),
    Group.SAME_TOPIC: (AMBER, "dot", "unrelated, of one topic"),
    Group.SIMULATED: (PURPLE, "dashdot", "SIMULATED answers"),
}


def distributions(calibration: Calibration) -> Chart:
    """How many pairs of each group have which score."""
    lines = {group: scores for group in LOOKS if (scores := scores_of(calibration.samples, group))}
    edges = [index / BINS for index in range(BINS + 1)]
    histogram = Histogram(edges, {group: _counts(scores, edges) for group, scores in lines.items()})
    figure = drawn([steps(histogram, group, *LOOKS[group]) for group in lines], height=400)
    figure.update_xaxes(title_text="BERTScore F1 (no unit)", showgrid=False, range=[0, 1.02])
    figure.update_yaxes(title_text="pairs", rangemode="tozero")
    _mark(figure, calibration)
    matched, unrelated = spread(lines[Group.MATCHED]), spread(lines[Group.UNRELATED])
    caption = (
        f"Half of the {noun(len(lines[Group.MATCHED]), 'matched pair')} score above {score(matched.p50)}, half of the"
        f" {noun(len(lines[Group.UNRELATED]), 'unrelated pair')} above {score(unrelated.p50)}; counted in steps of {1 / BINS:g}."
    )
    return Chart("distributions", DISTRIBUTIONS, caption, figure, _spreads(calibration, lines))


def errors(calibration: Calibration) -> Chart:
    """False accepts and false rejects as the threshold moves."""
    rates = [rates_at(calibration.samples, step / 100) for step in range(101)]
    figure = drawn(
        [
            _curve(rates, "false accepts of unrelated pairs", VERMILLION, "dash", lambda each: each.false_accepts.rate),
            *(
                [_curve(rates, "false accepts of pairs of one topic", AMBER, "dot", lambda each: each.same_topic.rate)]
                if calibration.in_use.same_topic
                else []
            ),
            _curve(rates, "false rejects of matched pairs", BLUE, "solid", lambda each: each.false_rejects.rate),
        ],
        height=380,
        hovermode="x unified",
    )
    figure.update_xaxes(title_text="threshold (BERTScore F1)", range=[0, 1.02])
    figure.update_yaxes(title_text="share of the pairs", tickformat=".0%", range=[0, 1.05])
    _mark(figure, calibration)
    return Chart("errors", ERRORS, _best(calibration), figure, _rates(calibration))


def _best(calibration: Calibration) -> str:
    if calibration.at_recommended is None:
        return "No threshold tells matched from unrelated pairs better than chance: this scorer is of no use on this dataset."
    rates = calibration.at_recommended
    return (
        f"Both errors together are least at {rates.threshold:g}: {percent(rates.false_accepts.rate)} false accepts and"
        f" {percent(rates.false_rejects.rate)} false rejects."
    )


def _counts(ascending: Sequence[float], edges: Sequence[float]) -> list[int]:
    """How many lie between each edge and the next; what lies outside counts in the outermost bins."""
    places = [0, *(bisect_left(ascending, edge) for edge in edges[1:-1]), len(ascending)]
    return [after - before for before, after in pairwise(places)]


def _curve(rates: Sequence[Rates], name: str, colour: str, dash: str, rate: Any) -> dict[str, Any]:
    return {
        "type": "scatter",
        "mode": "lines",
        "name": name,
        "x": [each.threshold for each in rates],
        "y": [rate(each) for each in rates],
        "line": {"color": colour, "dash": dash, "width": 2},
        "hovertemplate": f"{name}: %{{y:.1%}}<extra></extra>",
    }


def _mark(figure: Figure, calibration: Calibration) -> None:
    """The thresholds in use and recommended; one label below the other, so that close ones can be read."""
    marks = [(calibration.threshold, "in use", "dot", 1.0)]
    if calibration.recommended is not None:
        marks.append((calibration.recommended, "recommended", "solid", 0.88))
    for threshold, name, dash, height in marks:
        mark_threshold(figure, threshold, f"{name}: {threshold:g}", dash, height)


def _spreads(calibration: Calibration, lines: dict[Group, list[float]]) -> Table:
    """Each group, then its kinds."""
    rows = []
    for group, scores in lines.items():
        kinds = [(each.kind, each.scores) for each in calibration.samples if each.group is group]
        for kind, of in [("all", scores), *(kinds if len(kinds) > 1 else [])]:
            short = spread(of)
            refused = bisect_left(of, calibration.threshold)
            values = (short.mean, short.p5, short.p50, short.p95)
            name = kinds[0][0] if len(kinds) == 1 else kind
            rows.append((LOOKS[group][2], name, f"{len(of):,}", *map(score, values), percent(1 - refused / len(of))))
    accepted = f"at or above {calibration.threshold:g}"
    return Table("Scores as a table", ("pairs", "answer", "number", "mean", "5 %", "median", "95 %", accepted), rows, text_columns=2)


def _rates(calibration: Calibration) -> Table:
    """Every twentieth, and the thresholds that have a name."""
    names = {calibration.threshold: "in use", calibration.strict: "1 % false accepts", calibration.recommended: "recommended"}
    thresholds = sorted({step / 20 for step in range(21)} | {each for each in names if each is not None})
    rows = []
    for threshold in thresholds:
        rates = rates_at(calibration.samples, threshold)
        shares = [rates.false_accepts, *([rates.same_topic] if rates.same_topic else []), rates.false_rejects]
        rows.append((f"{threshold:g}", names.get(threshold, ""), *(f"{percent(each.rate)} ({each.count:,})" for each in shares)))
    one_topic = ["false accepts, one topic"] if calibration.in_use.same_topic else []
    return Table("Errors as a table", ("threshold", "", "false accepts", *one_topic, "false rejects"), rows, text_columns=2)
