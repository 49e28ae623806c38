"""The commands `traffic` and `load`."""

import asyncio
import os
import signal
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated
from uuid import uuid4

import typer
import uvloop
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, TextColumn, TimeRemainingColumn, TransferSpeedColumn
from rich.progress import Progress as Bar
from rich.table import Table

from streaming import names
from streaming.clock import SystemClock
from streaming.logs import loaded_settings
from streaming.options import options
from streaming.reports.run_table import run_table
from streaming.settings import Settings
from streaming.traffic.database import connected
from streaming.traffic.load import Loaded, load_file
from streaming.traffic.plan import TrafficPlan, checked
from streaming.traffic.progress import Progress, shown
from streaming.traffic.run import Finished, run_traffic


@options(TrafficPlan, dataset="sample")
def traffic(
    fields: Mapping[str, object],
    run_id: Annotated[str | None, typer.Option(help="A name for the run; with that of a run broken off, it goes on.")] = None,
    drain_timeout: Annotated[float, typer.Option(min=1, max=86_400, help="Seconds to wait for the loop to drain at the end.")] = 120.0,
) -> None:
    """Run a traffic experiment: send requests, wait until all is answered, print the summary. Exits 1 if the run does not drain."""
    plan = checked(**fields)
    console = Console()
    name = names.checked(run_id, "a run") if run_id is not None else new_run_id("traffic")
    finished = run_in_terminal(plan, name, loaded_settings(), console, drain_timeout)
    if finished.backlog:
        raise typer.Exit(1)


def load(
    path: Annotated[Path, typer.Argument(help="A CSV in the Yahoo format: class, title, content, answer; no header.")],
    dataset: Annotated[str | None, typer.Option(help="The dataset's name; default: the file's, without its ending.")] = None,
    rejected: Annotated[Path | None, typer.Option(help="A folder for the file of rejected rows; default: beside the file.")] = None,
) -> None:
    """Load questions and reference answers. Loading a file again changes nothing; rows that cannot be used go to NAME.rejected.csv."""
    load_in_terminal(path, dataset, rejected, loaded_settings(), Console())


def new_run_id(kind: str) -> str:
    """A name that sorts by time."""
    return f"{kind}-{datetime.now(UTC):%Y%m%d-%H%M%S}-{uuid4().hex[:4]}"


def run_in_terminal(plan: TrafficPlan, run_id: str, settings: Settings, console: Console, drain_timeout_s: float) -> Finished:
    """Run the traffic with its progress shown, then print the summary. SIGINT and SIGTERM cancel the run: exit 130."""
    progress = Progress(plan.requests, SystemClock())

    async def work() -> Finished:
        task = asyncio.current_task()
        assert task is not None
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, task.cancel)
        async with shown(progress, console):
            return await run_traffic(plan, run_id, settings, progress, SystemClock(), drain_timeout_s)

    console.print(f"Run [bold]{run_id}[/]: {plan.requests} requests, {plan.arrivals}, questions of {plan.dataset!r} ({plan.popularity})")
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            finished = runner.run(work())
    except asyncio.CancelledError:
        console.print(f"[yellow]Run {run_id} was cancelled.[/] Go on with it: the same command with --run-id {run_id}")
        raise typer.Exit(130) from None
    console.print(run_table(finished.summary))
    if finished.backlog:
        console.print(f"[bold red]Run {run_id} has not drained[/]: {finished.backlog}")
    return finished


def load_in_terminal(path: Path, dataset: str | None, rejected: Path | None, settings: Settings, console: Console) -> Loaded:
    """Load the file with a progress bar in a terminal, then print what became of its rows."""
    name = names.checked(dataset or path.stem, "a dataset")
    folder = rejected or (path.parent if os.access(path.parent, os.W_OK) else Path.cwd())
    columns = (TextColumn("loading {task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn())
    with connected(settings.database_url) as database, Bar(*columns, console=console, disable=not console.is_terminal) as bar:
        shown = bar.add_task(path.name, total=path.stat().st_size if path.is_file() else None)
        loaded = load_file(path, name, database, folder, lambda done: bar.update(shown, completed=done))
    table = Table("dataset", "rows", "new questions", "known or repeated", "rejected")
    table.add_row(name, *(f"{count:,}" for count in (loaded.rows + loaded.rejected, loaded.questions, loaded.repeated, loaded.rejected)))
    console.print(table)
    if loaded.rejected_file:
        console.print(f"Rejected rows, each with its line and reason: {loaded.rejected_file}")
    return loaded
