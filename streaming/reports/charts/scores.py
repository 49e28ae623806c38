"""Scores of first and final attempts, and what asking again won."""

from itertools import pairwise

from streaming.figures.values import Flink
from streaming.reports.charts.drawing import BLUE, HEIGHT, VERMILLION, drawn, mark_threshold, steps
from streaming.reports.digits import noun, percent, score
from streaming.reports.frame import Chart, Table

TITLE = "Scores of first and final attempts"


def scores(flink: Flink) -> Chart:
    """Distribution of BERTScore F1, with the threshold."""
    histogram = flink.score_distribution
    if histogram is None or not any(map(sum, histogram.lines.values())):
        return Chart("scores", TITLE, "No answer was scored, so there are no scores to show.", None)
    looks = {"first": (VERMILLION, "dash", "first attempt"), "final": (BLUE, "solid", "final answer")}
    figure = drawn([steps(histogram, line, *looks[line]) for line in looks if line in histogram.lines], height=HEIGHT)
    figure.update_xaxes(title_text="BERTScore F1 (no unit)", showgrid=False, zeroline=False)
    figure.update_yaxes(title_text="answers", rangemode="tozero")
    mark_threshold(figure, flink.threshold, f"threshold {flink.threshold:g}", "dot")
    rows = [
        (f"{low:.2f} to {high:.2f}", *(f"{histogram.lines[line][index]:,}" for line in histogram.lines))
        for index, (low, high) in enumerate(pairwise(histogram.edges))
        if any(counts[index] for counts in histogram.lines.values())
    ]
    table = Table("Scores as a table", ("BERTScore F1", *(looks[line][2] for line in histogram.lines)), rows)
    return Chart("scores", TITLE, caption(flink), figure, table)


def caption(flink: Flink) -> str:
    """What asking again came to, in one sentence."""
    came = flink.scores
    means = f"The mean score goes from {score(came.mean_first)} at the first attempt to {score(came.mean_final)} in the end"
    if not came.regenerated:
        return f"{means}: no answer was asked for again because of its score."
    return (
        f"{means}: {noun(came.regenerated, 'answer')} ({percent(came.regeneration_rate)}) scored below {flink.threshold:g} and"
        f" {'was' if came.regenerated == 1 else 'were'} asked for again, and {came.helped:,} of these got better."
    )
