"""The command `replay`."""

import asyncio
from datetime import datetime
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import Progress

from streaming import names
from streaming.clock import SystemClock
from streaming.errors import UserError
from streaming.logs import loaded_settings
from streaming.replays import plan as plans
from streaming.replays import replay as replays
from streaming.replays.choice import Choice
from streaming.replays.outcome import Outcome
from streaming.replays.plan import ReplayPlan, checked
from streaming.replays.sending import send
from streaming.replays.tables import choice_table, outcome_table
from streaming.settings import Settings
from streaming.traffic.cli import new_run_id

DEFAULTS = ReplayPlan()


def replay(
    cause: Annotated[str | None, typer.Option(help="Failures of this cause, such as overload_exhausted.")] = None,
    run_id: Annotated[str | None, typer.Option(help="Failures of this traffic run.")] = None,
    since: Annotated[datetime | None, typer.Option(help="Failed at this time (UTC) or later.")] = None,
    until: Annotated[datetime | None, typer.Option(help="Failed before this time (UTC).")] = None,
    error_text: Annotated[str | None, typer.Option(help="Words in the text of the error.")] = None,
    model: Annotated[str | None, typer.Option(help="The model to ask; default: the one that was asked for before.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=plans.MOST, help="Replay the oldest so many.")] = DEFAULTS.limit,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would be replayed, and replay nothing.")] = False,
    approve_above: Annotated[int, typer.Option(min=0, max=plans.MOST, help="Ask before more than so many.")] = DEFAULTS.approve_above,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    timeout: Annotated[int, typer.Option(min=10, max=86_400, help="Seconds to wait for the ends.")] = DEFAULTS.timeout_s,
    replay_id: Annotated[str | None, typer.Option(help="A name for the replay; with that of one broken off, it goes on.")] = None,
) -> None:
    """Ask failed questions again and say how many recovered. Exits 1 if some are still pending after the timeout."""
    plan = checked(
        cause=cause,
        run_id=run_id,
        since=since,
        until=until,
        error_text=error_text,
        model=model,
        limit=limit,
        dry_run=dry_run,
        approve_above=approve_above,
        timeout_s=timeout,
    )
    name = names.checked(replay_id, "a replay") if replay_id is not None else new_run_id("replay")
    settings, console = loaded_settings(), Console()
    choice = asyncio.run(replays.choose(plan, name, settings, SystemClock()))
    if choice.chosen:
        console.print(choice_table(choice))
    console.print(replays.verdict(plan, choice, settings), markup=False, highlight=False)
    if plan.dry_run or not (choice.chosen or choice.replayed):
        return
    if replays.needs_approval(plan, choice) and not yes:
        _ask(choice, console)
    outcome = asyncio.run(_replay(plan, choice, settings, console))
    console.print(outcome_table(outcome))
    if outcome.pending:
        console.print(f"{outcome.pending} are still pending; go on waiting: the same command with --replay-id {name}", markup=False)
        raise typer.Exit(1)


def _ask(choice: Choice, console: Console) -> None:
    if not console.is_terminal:
        raise UserError(f"{choice.chosen} failures are more than are replayed without asking: add --yes, or raise --approve-above.")
    typer.confirm(f"Replay {choice.chosen} questions?", abort=True)


async def _replay(plan: ReplayPlan, choice: Choice, settings: Settings, console: Console) -> Outcome:
    clock = SystemClock()
    with Progress(console=console, disable=not console.is_terminal) as bar:
        sending = bar.add_task("sending", total=choice.chosen)
        await send(plan, choice, settings, clock, lambda done: bar.update(sending, completed=done))
        ended = bar.add_task("answered or failed again", total=choice.chosen + choice.replayed)

        def show(outcome: Outcome) -> None:
            bar.update(ended, total=outcome.replayed, completed=outcome.replayed - outcome.pending)

        return await replays.wait(choice.replay_id, plan.timeout_s, settings, clock, show)
