"""The demo: load a dataset, run the default traffic over it, and show what became of it and which paths it took."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from streaming.reports.run_summary import RunSummary
from streaming.traffic import plan as plans
from streaming.traffic.cli import load_in_terminal, loaded_settings, new_run_id, run_in_terminal
from streaming.traffic.generator import ANSWERED, FAILED
from streaming.traffic.plan import Arrivals, Popularity, TrafficPlan

SAMPLE = Path(__file__).parents[2] / "data" / "sample.csv"
# Spread over so many seconds, at most so many a second: the first answers are there when their questions come again.
SENDING_S = 40.0
MOST_PER_S = 20.0
# Popular enough that some questions come again and are found, spread enough that most are asked once.
ZIPF_EXPONENT = 0.5
SEED = 7
DRAIN_TIMEOUT_S = 180.0


def demo(
    dataset: Annotated[Path, typer.Option(help="A CSV in the Yahoo format; default: the sample that ships.")] = SAMPLE,
    requests: Annotated[int, typer.Option(min=1, max=plans.MAX_REQUESTS, help="How many requests to send.")] = 200,
) -> None:
    """Load a dataset, run traffic over it until all is drained and print the summary. Exits 1 unless the run is complete."""
    settings, console = loaded_settings(), Console()
    loaded = load_in_terminal(dataset, None, None, settings, console)
    plan = TrafficPlan(
        dataset=loaded.dataset,
        requests=requests,
        arrivals=Arrivals.POISSON,
        rate=min(max(requests / SENDING_S, 1.0), MOST_PER_S),
        popularity=Popularity.ZIPF,
        zipf_exponent=ZIPF_EXPONENT,
        seed=SEED,
    )
    finished = run_in_terminal(plan, new_run_id("demo"), settings, console, DRAIN_TIMEOUT_S)
    console.print(_paths_table(finished.summary))
    if finished.backlog or not complete(finished.summary):
        console.print("[bold red]The run is not complete[/]: some requests were neither answered nor failed.")
        raise typer.Exit(1)
    console.print("[bold green]Drained and complete[/]: every request was answered or has failed for a recorded reason.")


def complete(summary: RunSummary) -> bool:
    """Whether every request of the run was answered or failed."""
    final = summary.requests.final
    return final.get(ANSWERED, 0) + final.get(FAILED, 0) == summary.requests.total


def paths(summary: RunSummary) -> dict[str, int]:
    """How often each path through the loop was taken."""
    retries = summary.attempts.retries
    return {
        "found in the cache": summary.requests.from_cache,
        "pending at first": summary.requests.first.get("pending", 0),
        "asked again after an overload": retries["overload"].made if "overload" in retries else 0,
        "asked again after a quota error": retries["quota"].made if "quota" in retries else 0,
        "regeneration that helped": summary.scores.helped,
        "best attempt accepted": summary.scores.best_attempts,
        "permanent failure": sum(summary.failures.values()),
    }


def _paths_table(summary: RunSummary) -> Table:
    table = Table("path through the loop", "times", "", title="Paths taken", title_justify="left", min_width=78)
    for path, times in paths(summary).items():
        table.add_row(path, str(times), "[green]shown[/]" if times else "[yellow]not taken in this run[/]")
    return table
