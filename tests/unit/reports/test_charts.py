"""What charts draw and what the sentence under each says."""

from collections.abc import Callable

import msgspec
import pytest

from streaming.figures.values import Figures
from streaming.reports.charts.flow import flow
from streaming.reports.charts.latency import latency
from streaming.reports.charts.load import lag, throughput
from streaming.reports.charts.outcomes import failures, outcomes, retries, stages
from streaming.reports.charts.scores import scores
from streaming.reports.charts.trend import trend
from streaming.reports.frame import Chart
from tests.example_report import day_report, empty_report, figures

FULL = figures()
EMPTY = empty_report().figures
CHARTS: dict[str, Callable[[Figures], Chart]] = {
    "scores": lambda of: scores(of.flink),
    "retries": lambda of: retries(of.model),
    "latency": lambda of: latency(of.whole),
    "stages": lambda of: stages(of.whole.stages),
    "throughput": lambda of: throughput(of.whole),
    "lag": lambda of: lag(of.kafka),
    "outcomes": lambda of: outcomes(of.whole),
    "failures": lambda of: failures(of.whole),
    "flow": lambda of: flow(of.whole),
}


def trace(chart: Chart, name: str):
    return next(each for each in chart.figure.data if each.name == name)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        (
            "scores",
            "The mean score goes from 0.701 at the first attempt to 0.813 in the end: 238 answers (30.9 %) scored below 0.75 and were"
            " asked for again, and 171 of these got better.",
        ),
        (
            "retries",
            "409 calls were made again, and 287 of 409 (70.2 %) succeeded; after a low score that means that the new answer reached the"
            " threshold. 72 more were needed: there the tries were used up, or the next call was still to come.",
        ),
        (
            "latency",
            "Half of the requests had their first reply within 6.41 ms and 95 % within 21.8 ms; half of the answers were there within"
            " 2.41 s and 95 % within 14.2 s.",
        ),
        ("stages", "An answered question took 6.64 s on average, all its attempts together, the largest part in queue: 3.12 s (47.0 %)."),
        ("throughput", "3.22 questions a second on average; counted every 5 s, at most 189 were on their way, and 0 at the end."),
        (
            "lag",
            "At most 182 records waited, in questions-pending for llm_consumer_service; a mark is a sample; the table holds"
            " 2 more with less.",
        ),
        (
            "outcomes",
            "961 of 1,000 (96.1 %) requests were answered in the end; 189 answers were known when asked for, 171 from the cache and 18"
            " from the database.",
        ),
        ("failures", "27 questions failed (3.3 % of those that ended); the commonest cause is model_missing, with 13 of 27 (48.1 %)."),
        ("flow", "What was asked ended as 779 answered, 189 found at once, 27 failed, 3 refused, 2 under way; it took 1,184 model calls."),
    ],
)
def test_a_chart_says_in_one_sentence_what_it_shows(name: str, said: str) -> None:
    assert CHARTS[name](FULL).caption == said


@pytest.mark.parametrize("name", CHARTS)
def test_a_chart_without_data_is_a_sentence_and_no_empty_axis(name: str) -> None:
    chart = CHARTS[name](EMPTY)
    assert chart.figure is None
    assert chart.caption.startswith(("No ", "Kafka was not sampled"))


@pytest.mark.parametrize("name", CHARTS.keys() - {"flow"})
def test_every_axis_of_numbers_has_its_unit(name: str) -> None:
    layout = CHARTS[name](FULL).figure.layout.to_plotly_json()
    axes = {key: axis for key, axis in layout.items() if key.startswith(("xaxis", "yaxis"))}
    assert axes
    for key, axis in axes.items():
        shared = axis.get("showticklabels") is False
        assert shared or axis.get("type") == "category" or axis["title"]["text"], key


@pytest.mark.parametrize("name", CHARTS)
def test_a_chart_has_its_figures_as_a_table_too(name: str) -> None:
    table = CHARTS[name](FULL).table
    assert table is not None
    assert table.rows
    assert all(len(row) == len(table.columns) for row in table.rows)


def test_first_and_final_scores_differ_by_more_than_colour_and_the_threshold_is_marked() -> None:
    chart = scores(FULL.flink)
    first, final = trace(chart, "first attempt"), trace(chart, "final answer")
    assert first.line.dash != final.line.dash
    histogram = FULL.flink.score_distribution
    assert histogram is not None
    assert list(final.y[:-1]) == histogram.lines["final"]
    assert chart.figure.layout.shapes[0].x0 == 0.75
    assert chart.figure.layout.annotations[0].text == "threshold 0.75"


def test_latencies_are_on_a_logarithmic_axis_with_ticks_that_name_their_unit() -> None:
    layout = latency(FULL.whole).figure.layout
    assert layout.xaxis.type == layout.xaxis2.type == "log"
    assert layout.xaxis2.ticktext == ("1 ms", "10 ms", "100 ms", "1 s", "10 s", "100 s")


def test_a_bucket_without_a_sample_is_a_gap_and_no_zero() -> None:
    answered = trace(throughput(FULL.whole), "answered")
    assert None in answered.y
    assert answered.connectgaps is False


def test_stages_follow_one_another() -> None:
    (bars,) = stages(FULL.whole.stages).figure.data
    assert bars.base[1] == pytest.approx(bars.x[0])
    assert bars.base[4] + bars.x[4] == pytest.approx(6.6366)


def test_a_sankey_joins_stations_by_their_counts() -> None:
    (sankey,) = flow(FULL.whole).figure.data
    joined = {
        (sankey.node.label[source], sankey.node.label[target]): value
        for source, target, value in zip(sankey.link.source, sankey.link.target, sankey.link.value, strict=True)
    }
    assert joined["asked again 376", "model call 1,184"] == 376
    assert joined["passed 714", "answered 779"] == 714
    assert len(joined) == len(FULL.whole.flows)


def test_many_causes_are_told_by_the_commonest_and_the_rest_together() -> None:
    causes = {f"cause {index:02}": 20 - index for index in range(20)}
    chart = failures(msgspec.structs.replace(FULL.whole, failures=causes))
    (bars,) = chart.figure.data
    assert bars.y[0].startswith("cause 00<br>20 ")
    assert bars.y[-1].startswith("8 other causes<br>36 ")
    assert sum(bars.x) == sum(causes.values())
    assert chart.table is not None
    assert len(chart.table.rows) == 20


def test_names_from_outside_are_drawn_as_text_and_not_as_markup() -> None:
    evil = '<a href="http://evil.example">x</a>'
    whole = msgspec.structs.replace(FULL.whole, failures={evil: 1}, flows=[msgspec.structs.replace(FULL.whole.flows[0], target=evil)])
    (bars,) = failures(whole).figure.data
    (sankey,) = flow(whole).figure.data
    for drawn in (bars.y[0], *sankey.node.label, *sankey.link.customdata):
        assert "<a" not in drawn
    assert bars.y[0].startswith("&lt;a href=")


def test_a_trend_breaks_where_a_day_has_no_report_or_nothing_happened() -> None:
    chart = trend([day_report(18), day_report(19), empty_report(), day_report(22)])
    rates = chart.figure.data[0]
    assert list(rates.x) == ["2026-11-18", "2026-11-19", "2026-11-20", "2026-11-21", "2026-11-22"]
    assert [value is None for value in rates.y] == [False, False, True, True, False]
    assert chart.caption == "2026-11-22 had a failure rate of 3.3 %, against 4.7 % on average of the 2 days before it."
    assert {(each.line.dash, each.marker.symbol) for each in chart.figure.data} == {
        ("dash", "diamond"),
        ("solid", "circle"),
        ("dot", "square"),
        ("dashdot", "triangle-up"),
    }


def test_a_trend_of_empty_days_says_so() -> None:
    chart = trend([empty_report()])
    assert chart.figure is None
    assert chart.caption == "Nothing happened on any of these days."
