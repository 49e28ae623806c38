"""A run's summary as people read it in a terminal."""

from collections.abc import Mapping

from rich.console import Group, RenderableType
from rich.table import Table

from streaming.figures.run_summary import Percentiles, RunSummary

MISSING = "-"


def run_table(summary: RunSummary) -> RenderableType:
    """Everything the summary holds, in tables."""
    return Group(_overview(summary), _latencies(summary), _stages(summary))


def _overview(summary: RunSummary) -> Table:
    requests, scores, attempts = summary.requests, summary.scores, summary.attempts
    model = summary.model or ", ".join(attempts.models) or MISSING
    table = Table(title=f"Run {summary.run_id}: {summary.state}", show_header=False, title_justify="left", min_width=78)
    table.add_column(style="bold")
    table.add_column(overflow="fold")
    table.add_row("model", f"{model} [yellow](SIMULATED: no model was asked)[/]" if summary.simulated else model)
    table.add_row("dataset", summary.dataset)
    table.add_row("requests", f"{requests.total}: {counts(requests.first)} at first; {counts(requests.final)} in the end")
    table.add_row(
        "found", f"{requests.from_cache} in the cache, {requests.from_database} in the database; {requests.reused} from other runs"
    )
    rates = f"{number(requests.sent_per_s, 1)} sent/s, {number(requests.ended_per_s, 1)} ended/s"
    table.add_row("throughput", f"{rates} over {number(requests.duration_s, 1)} s")
    table.add_row("answers", f"{scores.answered}: {scores.best_attempts} best attempts, {scores.unscored} unscored")
    table.add_row("score (BERTScore F1)", f"first {number(scores.mean_first, 3)}, final {number(scores.mean_final, 3)}")
    rate = MISSING if scores.regeneration_rate is None else f"{scores.regeneration_rate:.1%}"
    means = f"mean score {number(scores.regenerated_mean_first, 3)} at first, {number(scores.regenerated_mean_final, 3)} in the end"
    improvement = f"{scores.helped} of {scores.regenerated} helped, mean improvement {number(scores.mean_improvement, 3)}"
    table.add_row("regenerated", f"{rate} of the scored answers; {improvement}")
    table.add_row("their scores", means)
    retries = ", ".join(f"{cause} {each.made} ({each.succeeded} succeeded)" for cause, each in sorted(attempts.retries.items()))
    table.add_row("retries", retries or "none")
    table.add_row("model calls", f"{attempts.total}, of which {attempts.extra} extra")
    table.add_row("failures", counts(summary.failures))
    if summary.replays.submitted:
        replays = summary.replays
        table.add_row("replays", f"{replays.submitted}: {replays.answered} answered, {replays.failed} failed")
    return table


def _latencies(summary: RunSummary) -> Table:
    table = Table("latency (ms)", *Percentiles.__struct_fields__, min_width=78)
    for name, values in (
        ("perceived: until the first reply", summary.requests.perceived),
        ("real: until the answer", summary.requests.real),
    ):
        table.add_row(name, *(number(getattr(values, field), 0) for field in Percentiles.__struct_fields__))
    return table


def _stages(summary: RunSummary) -> Table:
    stages = summary.stages
    table = Table("mean time in stage (ms)", "queue", "model", "scoring", "waiting", "store", min_width=78)
    times = (stages.queue_ms, stages.model_ms, stages.scoring_ms, stages.waiting_ms, stages.store_ms)
    table.add_row("an answered question, all attempts", *(number(each, 0) for each in times))
    return table


def counts(of: Mapping[str, int]) -> str:
    """ "3 answered, 1 failed", or "none"."""
    return ", ".join(f"{count} {name}" for name, count in sorted(of.items())) or "none"


def number(value: float | None, digits: int) -> str:
    """The value with so many digits; a dash where there is none."""
    return MISSING if value is None else f"{value:,.{digits}f}"
