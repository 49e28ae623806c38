"""The page of a run's or a day's report.

The frame that it stands in is `streaming.reports.frame`; what a page says is put together here.
"""

from collections.abc import Sequence

from streaming.figures.scope import Kind
from streaming.figures.values import CalibrationQuote, Figures, Report
from streaming.reports import frame
from streaming.reports.charts.flow import flow
from streaming.reports.charts.latency import latency
from streaming.reports.charts.load import lag, throughput
from streaming.reports.charts.outcomes import failures, outcomes, retries, stages
from streaming.reports.charts.scores import scores
from streaming.reports.charts.trend import trend
from streaming.reports.csv_files import descriptions
from streaming.reports.digits import count, duration, noun, percent, score, significant, span
from streaming.reports.frame import Page, Section, Table, Tile
from streaming.reports.metrics import metrics

PARTS = {"kafka": "Kafka", "model": "Model", "flink": "Flink", "whole": "The loop"}


def render(report: Report, earlier: Sequence[Report] = ()) -> str:
    """The report as one HTML file. `earlier`: reports of the days before, for a chart of how the main figures went."""
    return frame.document(page(report, earlier))


def body(report: Report, earlier: Sequence[Report] = (), files: str = "") -> str:
    """The report as a fragment for a host page (see `frame.fragment`); `files` goes before the names of the files beside it."""
    return frame.fragment(page(report, earlier), files)


def page(report: Report, earlier: Sequence[Report] = ()) -> Page:
    """What the page says."""
    figures = report.figures
    scope = figures.scope
    return Page(
        kind="Run report" if scope.kind is Kind.RUN else "Nightly report",
        title=scope.subject,
        facts=_facts(figures),
        simulated=scope.simulated or any(run.scope.simulated for run in report.runs),
        tiles=() if figures.empty else _tiles(figures),
        sections=[*_nothing(report), *_sections(report), *_trend(report, earlier)],
        files=[*descriptions(), ("figures.json", "all of it, as one JSON document")],
    )


def _facts(figures: Figures) -> list[tuple[str, str]]:
    scope = figures.scope
    facts = [("Time", span(scope.since, scope.until))]
    if scope.partial:
        facts.append(("Not over", f"figures up to {scope.until:%Y-%m-%d %H:%M} UTC"))
    if scope.state:
        facts.append(("State", scope.state))
    if scope.dataset:
        facts.append(("Dataset", scope.dataset))
    if scope.models:
        facts.append(
            ("Model" if len(scope.models) == 1 else "Models", ", ".join(f"{name} ({noun(n, 'call')})" for name, n in scope.models.items()))
        )
    return facts


def _tiles(figures: Figures) -> list[Tile]:
    whole, came = figures.whole, figures.flink.scores
    return [
        Tile("Requests", count(whole.requests), f"{significant(whole.questions_per_s)} a second" if whole.questions_per_s else ""),
        Tile("Answered", count(whole.answered), "questions"),
        Tile("Failure rate", percent(whole.failure_rate), noun(whole.failed, "question")),
        Tile(
            "Real latency, p95", duration(whole.real.p95), f"half within {duration(whole.real.p50)}" if whole.real.p50 is not None else ""
        ),
        Tile("Final score, mean", score(came.mean_final), f"first {score(came.mean_first)}" if came.mean_first is not None else ""),
        Tile("Model calls", count(figures.model.calls), f"{figures.flink.extra_calls:,} for low scores"),
    ]


def _nothing(report: Report) -> list[Section]:
    if not report.figures.empty:
        return []
    scope = report.figures.scope
    when = "on this day" if scope.kind is Kind.DAY else "in this run"
    return [
        Section(
            "nothing", "Nothing happened", [f"No question was asked and no model was called {when} ({span(scope.since, scope.until)})."]
        )
    ]


def _sections(report: Report) -> list[Section]:
    figures = report.figures
    if figures.empty:
        return []
    whole = figures.whole
    return [
        Section("quality", "Quality", _quoted(report.calibration), [scores(figures.flink), retries(figures.model)]),
        Section("waiting", "Time", (), [latency(whole), stages(whole.stages), throughput(whole), lag(figures.kafka)]),
        Section("outcomes", "Outcomes", (), [outcomes(whole), failures(whole), flow(whole)]),
        *([Section("runs", "Runs of the day", (), (), [_runs_table(report.runs)])] if report.runs else []),
        Section("figures", "All figures", ["– stands for a value that was not measured or that there is not."], (), _tables(figures)),
        *(
            Section(f"run-{index}", f"All figures of {run.scope.subject}", (), (), _tables(run), folded=True)
            for index, run in enumerate(report.runs, start=1)
        ),
    ]


def _trend(report: Report, earlier: Sequence[Report]) -> list[Section]:
    if report.figures.scope.kind is not Kind.DAY or not earlier:
        return []
    return [Section("trend", "The days before", (), [trend([*earlier, report])])]


def _quoted(quote: CalibrationQuote | None) -> list[str]:
    if quote is None:
        return ["No calibration of the scorer in use says what its threshold accepts wrongly."]
    made = f", of which {percent(quote.variants)} are variants of the reference: it refuses more real ones" if quote.variants else ""
    return [
        f"{quote.threshold:g} accepts {percent(quote.false_accept_rate)} of unrelated answers with this scorer"
        f" and refuses {percent(quote.false_reject_rate)} of matched ones{made} ({quote.scorer}, calibrated on {quote.dataset};"
        f" recommended: {quote.recommended:g})."
    ]


def _runs_table(runs: Sequence[Figures]) -> Table:
    columns = ("run", "model", "state", "requests", "answered", "failed", "failure rate", "real p95", "first score", "final score")
    rows = [
        (
            run.scope.subject,
            ", ".join(run.scope.models) or "–",
            run.scope.state or "–",
            count(run.whole.requests),
            count(run.whole.answered),
            count(run.whole.failed),
            percent(run.whole.failure_rate),
            duration(run.whole.real.p95),
            score(run.flink.scores.mean_first),
            score(run.flink.scores.mean_final),
        )
        for run in runs
    ]
    return Table("Each run's part of the day", columns, rows, text_columns=3)


def _tables(figures: Figures) -> list[Table]:
    cells: dict[tuple[str, str], dict[str, dict[str, str]]] = {}
    for each in metrics(figures):
        cells.setdefault((each.part, each.table), {}).setdefault(each.row, {})[each.column] = each.text
    tables = []
    for (part, title), rows in cells.items():
        columns = list(dict.fromkeys(column for row in rows.values() for column in row))
        found = [(name, *(row[column] for column in columns)) for name, row in rows.items()]
        tables.append(Table(f"{PARTS[part]}: {title[0].lower()}{title[1:]}", ("figure", *columns), found))
    return tables
