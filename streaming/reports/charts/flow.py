"""The way of questions through the loop."""

from collections import defaultdict

from streaming.reports.charts.drawing import BLUE, COLOURS, GREY, PANEL, VERMILLION, drawn, label, soft
from streaming.reports.digits import noun
from streaming.reports.figures import Whole
from streaming.reports.frame import Chart, Table

TITLE = "The way of questions through the loop"
ENDS = {"answered": BLUE, "failed": VERMILLION, "unresolved": GREY}
LEAST_WIDTH = 760


def flow(whole: Whole, prefix: str = "") -> Chart:
    """A Sankey diagram: as wide as the count, from station to station."""
    slug, flows = f"{prefix}flow", [each for each in whole.flows if each.count]
    if not flows:
        return Chart(slug, TITLE, "No question went through the loop.", None)
    stations = list(dict.fromkeys(name for each in flows for name in (each.source, each.target)))
    place = {name: index for index, name in enumerate(stations)}
    into: dict[str, int] = defaultdict(int)
    out: dict[str, int] = defaultdict(int)
    for each in flows:
        out[each.source] += each.count
        into[each.target] += each.count
    sizes = {name: max(into[name], out[name]) for name in stations}
    colours = {name: ENDS.get(name, COLOURS[place[name] % len(COLOURS)]) for name in stations}
    trace = {
        "type": "sankey",
        "arrangement": "snap",
        "node": {
            "label": [f"{label(name, 28)} {sizes[name]:,}" for name in stations],
            "color": [colours[name] for name in stations],
            "line": {"color": PANEL, "width": 1},
            "pad": 22,
            "thickness": 16,
            "hovertemplate": "%{label}<extra></extra>",
        },
        "link": {
            "source": [place[each.source] for each in flows],
            "target": [place[each.target] for each in flows],
            "value": [each.count for each in flows],
            "color": [soft(colours[each.target]) for each in flows],
            "customdata": [f"{label(each.source)} to {label(each.target)}" for each in flows],
            "hovertemplate": "%{customdata}: %{value:,}<extra></extra>",
        },
    }
    figure = drawn([trace], height=max(380, 30 * len(stations) + 160))
    figure.update_layout(margin={"l": 12, "r": 12, "t": 16, "b": 20})
    table = Table(
        "The way as a table", ("from", "to", "count"), [(each.source, each.target, f"{each.count:,}") for each in flows], text_columns=2
    )
    started = sum(sizes[name] for name in stations if not into[name])
    ended = {name: into[name] for name in ENDS if into[name]}
    if not started or not ended:
        return Chart(slug, TITLE, f"{noun(len(flows), 'way')} between {noun(len(stations), 'station')}.", figure, table, LEAST_WIDTH)
    sentence = f"Of {noun(started, 'question')} that came in, " + ", ".join(f"{each:,} ended {name}" for name, each in ended.items()) + "."
    return Chart(slug, TITLE, sentence, figure, table, LEAST_WIDTH)
