"""What became of requests, model calls and questions."""

from collections.abc import Mapping

from streaming.figures.run_summary import Stages
from streaming.figures.values import Model, Whole
from streaming.reports.charts.drawing import (
    AMBER,
    BLUE,
    GREY,
    HEIGHT,
    MUTED,
    VERMILLION,
    bars,
    drawn,
    label,
    marker,
    named_rows,
    two_panels,
)
from streaming.reports.digits import count, duration, noun, percent, share
from streaming.reports.frame import Chart, Table

OUTCOMES, FAILURES, RETRIES, STAGES = "Outcomes of requests", "Failures by cause", "Model calls made again", "Time per stage"
# Colour and pattern of what went well, what did not, and what is open.
GOOD, BAD, OPEN = (BLUE, ""), (VERMILLION, "/"), (GREY, ".")
LOOKS = {"found": GOOD, "answered": GOOD, "pending": OPEN, "unresolved": OPEN}
MOST_CAUSES = 12
STAGE_NAMES = {
    "queue_ms": "queue",
    "model_ms": "model",
    "scoring_ms": "scoring",
    "waiting_ms": "waiting to retry",
    "store_ms": "store",
}


def outcomes(whole: Whole) -> Chart:
    """Requests by first reply, and by how they ended."""
    slug = "outcomes"
    if not whole.requests:
        return Chart(slug, OUTCOMES, "No request was sent, so there are no outcomes to show.", None)
    parts = {"first reply": ordered(whole.first), "in the end": ordered(whole.final)}
    rows = [max(len(counts), 1) for counts in parts.values()]
    figure = two_panels(height=HEIGHT + 20, upper=rows[0] / sum(rows), spacing=0.14)
    for (part, counts), axis, height in zip(parts.items(), ("y", "y2"), rows, strict=True):
        notes = [f"{each:,} ({percent(each / whole.requests)})" for each in counts.values()]
        trace = bars(counts, notes, [LOOKS.get(name, BAD) for name in counts], height=HEIGHT * height / sum(rows))
        figure.add_trace(trace | {"xaxis": axis.replace("y", "x"), "yaxis": axis})
        at = {"x": 0, "xref": "paper", "xanchor": "left", "y": 1, "yref": f"{axis} domain", "yanchor": "bottom"}
        figure.add_annotation(text=part, showarrow=False, **at)
    named_rows(figure)
    figure.update_annotations(font={"color": MUTED, "size": 12}, yshift=2)
    figure.update_layout(xaxis2_title_text="requests", margin_t=26)
    rows_of = [(part, name, f"{each:,}", percent(each / whole.requests)) for part, counts in parts.items() for name, each in counts.items()]
    table = Table("Outcomes as a table", ("when", "outcome", "requests", "share"), rows_of, text_columns=2)
    found, answered = whole.first.get("found", 0), whole.final.get("answered", 0)
    sentence = (
        f"{share(answered, whole.requests)} requests were answered in the end; {noun(found, 'answer was', 'answers were')} known"
        f" when asked for, {whole.from_cache:,} from the cache and {whole.from_database:,} from the database."
    )
    return Chart(slug, OUTCOMES, sentence, figure, table)


def failures(whole: Whole) -> Chart:
    """Failed questions by cause, the commonest first."""
    slug, causes = "failures", {cause: each for cause, each in whole.failures.items() if each}
    if not causes:
        return Chart(slug, FAILURES, "No question failed.", None)
    total = sum(causes.values())
    ranked = sorted(causes.items(), key=lambda item: (-item[1], item[0]))
    shown = dict(ranked[:MOST_CAUSES])
    if rest := sum(each for _, each in ranked[MOST_CAUSES:]):
        shown[f"{len(ranked) - MOST_CAUSES} other causes"] = rest
    notes = [f"{each:,} ({percent(each / total)})" for each in shown.values()]
    figure = drawn([bars(shown, notes, [BAD] * len(shown))], height=max(HEIGHT + 20, 44 * len(shown)))
    named_rows(figure)
    figure.update_xaxes(title_text="questions")
    table = Table("Failures as a table", ("cause", "questions", "share"), [(c, f"{n:,}", percent(n / total)) for c, n in ranked])
    first, most = ranked[0]
    rate = f" ({percent(whole.failure_rate)} of those that ended)" if whole.failure_rate is not None else ""
    sentence = f"{noun(total, 'question')} failed{rate}; the commonest cause is {first}, with {share(most, total)}."
    return Chart(slug, FAILURES, sentence, figure, table)


def retries(model: Model) -> Chart:
    """Calls made again by cause, how many of them succeeded, and how many more were needed."""
    slug, by_cause = "retries", {cause: each for cause, each in model.retries.items() if each.made or each.needed}
    if not by_cause:
        return Chart(slug, RETRIES, "No model call had to be made again.", None)
    names = [f"{label(cause, 32)}<br>{each.succeeded:,} of {each.made:,} succeeded" for cause, each in by_cause.items()]
    looks = {"made": (AMBER, "/"), "succeeded": GOOD}
    values = {"made": [each.made for each in by_cause.values()], "succeeded": [each.succeeded for each in by_cause.values()]}
    traces = [
        {
            "type": "bar",
            "orientation": "h",
            "name": name,
            "y": names,
            "x": values[name],
            "marker": marker([look] * len(names)),
            "hovertemplate": f"%{{x:,}} {name}<extra></extra>",
        }
        for name, look in looks.items()
    ]
    figure = drawn(traces, height=HEIGHT, bargap=0.4)
    named_rows(figure)
    figure.update_layout(showlegend=True, margin_t=8)
    figure.update_xaxes(title_text="model calls")
    table = Table(
        "Retries as a table",
        ("cause", "needed", "made again", "succeeded", "share"),
        [
            (cause, count(each.needed), f"{each.made:,}", f"{each.succeeded:,}", percent(each.succeeded / each.made if each.made else None))
            for cause, each in by_cause.items()
        ],
    )
    made, succeeded = sum(values["made"]), sum(values["succeeded"])
    sentence = (
        f"{noun(made, 'call was', 'calls were')} made again, and {share(succeeded, made)} succeeded; after a low score that means"
        " that the new answer reached the threshold."
    )
    refused = sum(max(0, each.needed - each.made) for each in by_cause.values() if each.needed is not None)
    if refused:
        sentence += f" {noun(refused, 'more was', 'more were')} needed: there the tries were used up, or the next call was still to come."
    return Chart(slug, RETRIES, sentence, figure, table)


def stages(of: Stages) -> Chart:
    """Where the time of an answered question went, stage after stage."""
    slug = "stages"
    known = {name: value for field, name in STAGE_NAMES.items() if (value := getattr(of, field)) is not None}
    if not known or not sum(known.values()):
        return Chart(slug, STAGES, "No question was answered by the model, so no time was spent in any stage.", None)
    total = sum(known.values())
    unit, size = ("seconds", 1000.0) if total >= 2000 else ("milliseconds", 1.0)
    scaled = {name: value / size for name, value in known.items()}
    notes = [f"{duration(value)} ({percent(value / total)})" for value in known.values()]
    trace = bars(scaled, notes, [GOOD] * len(scaled)) | {"base": [sum(list(scaled.values())[:index]) for index in range(len(scaled))]}
    figure = drawn([trace], height=HEIGHT + 20)
    named_rows(figure)
    figure.update_xaxes(title_text=f"mean time ({unit})")
    longest = max(known, key=lambda name: known[name])
    rows = [(name, duration(value), percent(value / total)) for name, value in known.items()]
    sentence = (
        f"An answered question took {duration(total)} on average, all its attempts together, the largest part in"
        f" {longest}: {duration(known[longest])} ({percent(known[longest] / total)})."
    )
    return Chart(slug, STAGES, sentence, figure, Table("Stages as a table", ("stage", "mean time", "share"), rows))


def ordered(counts: Mapping[str, int]) -> dict[str, int]:
    """The counts with those that went well first, and without what did not occur."""
    order = [*LOOKS, *sorted(counts.keys() - LOOKS.keys())]
    return {name: counts[name] for name in order if counts.get(name)}
