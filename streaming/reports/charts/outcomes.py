"""What became of requests, model calls and questions."""

from collections.abc import Mapping

from streaming.reports.charts.drawing import BAR_HEIGHT, BLUE, GREEN, GREY, INK, PANEL, VERMILLION, bars, drawn, label, two_panels, widen
from streaming.reports.digits import duration, noun, percent, share
from streaming.reports.figures import Model, Whole
from streaming.reports.frame import Chart, Table
from streaming.reports.run_summary import Stages

OUTCOMES, FAILURES, RETRIES, STAGES = "Outcomes of requests", "Failures by cause", "Model calls made again", "Time per stage"
# Colour and pattern of what went well, what did not, and what is open.
GOOD, BAD, OPEN = (BLUE, ""), (VERMILLION, "/"), (GREY, ".")
LOOKS = {"found": GOOD, "answered": GOOD, "pending": OPEN, "unresolved": OPEN}
MOST_CAUSES = 12
STAGE_NAMES = {
    "queue_ms": "queue: waiting for the model",
    "model_ms": "model: writing the answer",
    "scoring_ms": "scoring: BERTScore",
    "waiting_ms": "waiting: before a retry",
    "store_ms": "store: to PostgreSQL",
}


def outcomes(whole: Whole, prefix: str = "") -> Chart:
    """Requests by first reply, and by how they ended."""
    slug = f"{prefix}outcomes"
    if not whole.requests:
        return Chart(slug, OUTCOMES, "No request was sent, so there are no outcomes to show.", None)
    parts = {"first reply": ordered(whole.first), "in the end": ordered(whole.final)}
    rows = sum(len(counts) for counts in parts.values())
    figure = two_panels(
        height=110 + BAR_HEIGHT * rows, upper=max(len(parts["first reply"]), 1) / max(rows, 2), spacing=0.16, bargap=0.3, showlegend=False
    )
    for number, (part, counts) in enumerate(parts.items(), start=1):
        looks = [LOOKS.get(name, BAD) for name in counts]
        figure.add_trace(
            {
                "type": "bar",
                "orientation": "h",
                "y": [label(name) for name in counts],
                "x": list(counts.values()),
                "text": [f"{each:,} ({percent(each / whole.requests)})" for each in counts.values()],
                "textposition": "outside",
                "textfont": {"color": INK},
                "cliponaxis": False,
                "marker": {
                    "color": [colour for colour, _ in looks],
                    "pattern": {"shape": [pattern for _, pattern in looks], "fgcolor": PANEL, "solidity": 0.25},
                },
                "hovertemplate": f"{part}: %{{y}}, %{{text}}<extra></extra>",
                "xaxis": f"x{number}",
                "yaxis": f"y{number}",
            }
        )
    widen(figure, whole.requests)
    figure.update_yaxes(type="category", autorange="reversed", showgrid=False, ticklabelstandoff=6, tickfont={"color": INK, "size": 13})
    figure.update_layout(yaxis_title_text="first reply", yaxis2_title_text="in the end", xaxis2_title_text="requests")
    rows_of = [(part, name, f"{each:,}", percent(each / whole.requests)) for part, counts in parts.items() for name, each in counts.items()]
    table = Table("Outcomes as a table", ("when", "outcome", "requests", "share"), rows_of, text_columns=2)
    found, answered = whole.first.get("found", 0), whole.final.get("answered", 0)
    sentence = (
        f"{share(answered, whole.requests)} requests were answered in the end; {noun(found, 'answer was', 'answers were')} known"
        f" when asked for, {whole.from_cache:,} from the cache and {whole.from_database:,} from the database."
    )
    return Chart(slug, OUTCOMES, sentence, figure, table)


def failures(whole: Whole, prefix: str = "") -> Chart:
    """Failed questions by cause, the commonest first."""
    slug, causes = f"{prefix}failures", {cause: each for cause, each in whole.failures.items() if each}
    if not causes:
        return Chart(slug, FAILURES, "No question failed.", None)
    total = sum(causes.values())
    ranked = sorted(causes.items(), key=lambda item: (-item[1], item[0]))
    shown = dict(ranked[:MOST_CAUSES])
    if rest := sum(each for _, each in ranked[MOST_CAUSES:]):
        shown[f"{len(ranked) - MOST_CAUSES} other causes"] = rest
    texts = [f"{each:,} ({percent(each / total)})" for each in shown.values()]
    figure = bars(shown, texts, "questions", *BAD)
    table = Table("Failures as a table", ("cause", "questions", "share"), [(c, f"{n:,}", percent(n / total)) for c, n in ranked])
    first, most = ranked[0]
    rate = f" ({percent(whole.failure_rate)} of those that ended)" if whole.failure_rate is not None else ""
    sentence = f"{noun(total, 'question')} failed{rate}; the commonest cause is {first}, with {share(most, total)}."
    return Chart(slug, FAILURES, sentence, figure, table)


def retries(model: Model, prefix: str = "") -> Chart:
    """Calls made again by cause, and how many of them succeeded."""
    slug, by_cause = f"{prefix}retries", {cause: each for cause, each in model.retries.items() if each.made}
    if not by_cause:
        return Chart(slug, RETRIES, "No model call had to be made again.", None)
    names = [label(cause) for cause in by_cause]
    looks = {"made": GOOD, "succeeded": (GREEN, "x")}
    values = {"made": [each.made for each in by_cause.values()], "succeeded": [each.succeeded for each in by_cause.values()]}
    traces = [
        {
            "type": "bar",
            "orientation": "h",
            "name": name,
            "y": names,
            "x": values[name],
            "text": [f"{each:,}" for each in values[name]],
            "textposition": "outside",
            "textfont": {"color": INK},
            "cliponaxis": False,
            "marker": {"color": colour, "pattern": {"shape": pattern, "fgcolor": PANEL, "solidity": 0.25}},
            "hovertemplate": f"%{{y}}: %{{x:,}} {name}<extra></extra>",
        }
        for name, (colour, pattern) in looks.items()
    ]
    figure = drawn(traces, height=110 + 2 * BAR_HEIGHT * len(names), bargap=0.3)
    figure.update_layout(legend={"traceorder": "normal"})
    widen(figure, max(values["made"]))
    figure.update_xaxes(title_text="model calls")
    figure.update_yaxes(type="category", autorange="reversed", showgrid=False, ticklabelstandoff=6, tickfont={"color": INK, "size": 13})
    table = Table(
        "Retries as a table",
        ("cause", "made again", "succeeded", "share"),
        [(cause, f"{each.made:,}", f"{each.succeeded:,}", percent(each.succeeded / each.made)) for cause, each in by_cause.items()],
    )
    made, succeeded = sum(values["made"]), sum(values["succeeded"])
    sentence = (
        f"{noun(made, 'call was', 'calls were')} made again, and {share(succeeded, made)} succeeded; after a low score that means"
        " that the new answer reached the threshold."
    )
    return Chart(slug, RETRIES, sentence, figure, table)


def stages(of: Stages, prefix: str = "") -> Chart:
    """Where the time of an answered question went, stage after stage."""
    slug = f"{prefix}stages"
    known = {name: value for field, name in STAGE_NAMES.items() if (value := getattr(of, field)) is not None}
    if not known or not sum(known.values()):
        return Chart(slug, STAGES, "No question was answered by the model, so no time was spent in any stage.", None)
    total = sum(known.values())
    unit, size = ("seconds", 1000.0) if total >= 2000 else ("milliseconds", 1.0)
    scaled = {name: value / size for name, value in known.items()}
    figure = bars(
        scaled, [f"{duration(value)} ({percent(value / total)})" for value in known.values()], f"mean time of an answered question ({unit})"
    )
    starts = [sum(list(scaled.values())[:index]) for index in range(len(scaled))]
    figure.update_traces(base=starts, hovertemplate="%{y}: %{text}<extra></extra>")
    widen(figure, total / size)
    longest = max(known, key=lambda name: known[name])
    rows = [(name, duration(value), percent(value / total)) for name, value in known.items()]
    sentence = (
        f"An answered question took {duration(total)} on average, all its attempts together, most of it in"
        f" {longest.split(':')[0]}, with {duration(known[longest])} ({percent(known[longest] / total)})."
    )
    return Chart(slug, STAGES, sentence, figure, Table("Stages as a table", ("stage", "mean time", "share"), rows))


def ordered(counts: Mapping[str, int]) -> dict[str, int]:
    """The counts with those that went well first, and without what did not occur."""
    order = [*LOOKS, *sorted(counts.keys() - LOOKS.keys())]
    return {name: counts[name] for name in order if counts.get(name)}
