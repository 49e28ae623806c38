"""The way of questions through the loop."""

from collections import defaultdict

from streaming.figures.values import Whole
from streaming.reports.charts.drawing import AMBER, BLUE, GREEN, GREY, PANEL, PURPLE, SKY, VERMILLION, drawn, label, soft
from streaming.reports.digits import noun
from streaming.reports.frame import Chart, Table

TITLE = "The way of questions through the loop"
# What is well is blue or green, what costs another call amber or purple, what is lost vermillion, what is open grey.
STATIONS = {
    "asked": SKY,
    "model call": SKY,
    "found at once": GREEN,
    "success": BLUE,
    "passed": BLUE,
    "answered": BLUE,
    "best attempt": PURPLE,
    "overload": AMBER,
    "quota": AMBER,
    "asked again": AMBER,
    "fatal": VERMILLION,
    "failed": VERMILLION,
    "failed before": VERMILLION,
    "refused": VERMILLION,
}
LEAST_WIDTH = 880


def flow(whole: Whole) -> Chart:
    """A Sankey diagram: as wide as the count, from station to station."""
    slug, flows = "flow", [each for each in whole.flows if each.count]
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
    colours = {name: STATIONS.get(name, GREY) for name in stations}
    trace = {
        "type": "sankey",
        "arrangement": "snap",
        "node": {
            "label": [f"{label(name, 28)} {sizes[name]:,}" for name in stations],
            "color": [colours[name] for name in stations],
            "line": {"color": PANEL, "width": 1},
            "pad": 28,
            "thickness": 16,
            "hovertemplate": "%{label}<extra></extra>",
        },
        "link": {
            "source": [place[each.source] for each in flows],
            "target": [place[each.target] for each in flows],
            "value": [each.count for each in flows],
            # What comes back to the model has the colour of what sent it there.
            "color": [soft(colours[each.source if each.target == "model call" else each.target]) for each in flows],
            "customdata": [f"{label(each.source)} to {label(each.target)}" for each in flows],
            "hovertemplate": "%{customdata}: %{value:,}<extra></extra>",
        },
    }
    figure = drawn([trace], height=max(380, 34 * len(stations) + 120))
    figure.update_layout(margin={"l": 12, "r": 12, "t": 16, "b": 32})
    table = Table(
        "The way as a table", ("from", "to", "count"), [(each.source, each.target, f"{each.count:,}") for each in flows], text_columns=2
    )
    ends = sorted((name for name in stations if not out[name]), key=lambda name: (-into[name], name))
    ended = ", ".join(f"{into[name]:,} {name}" for name in ends)
    sentence = f"What was asked ended as {ended}; it took {noun(into['model call'], 'model call')}."
    return Chart(slug, TITLE, sentence, figure, table, LEAST_WIDTH)
