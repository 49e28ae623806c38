"""The command `traffic`."""

import asyncio
import signal
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated
from uuid import uuid4

import typer
import uvloop
from rich.console import Console

from streaming import names
from streaming.clock import SystemClock
from streaming.logs import loaded_settings
from streaming.options import options
from streaming.settings import Settings
from streaming.traffic.plan import TrafficPlan, checked
from streaming.traffic.progress import Progress, shown
from streaming.traffic.run import Finished, run_traffic
from streaming.traffic.run_table import run_table


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
