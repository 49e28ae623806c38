"""The command `replay`."""

import asyncio
from collections.abc import Mapping
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import Progress

from streaming import names
from streaming.clock import SystemClock
from streaming.errors import UserError
from streaming.logs import loaded_settings
from streaming.options import options
from streaming.replays import replay as replays
from streaming.replays.choice import Choice
from streaming.replays.outcome import Outcome
from streaming.replays.plan import ReplayPlan, checked
from streaming.replays.sending import send
from streaming.replays.tables import choice_table, outcome_table
from streaming.settings import Settings
from streaming.traffic.cli import new_run_id


@options(ReplayPlan)
def replay(
    fields: Mapping[str, object],
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    replay_id: Annotated[str | None, typer.Option(help="A name for the replay; with that of one broken off, it goes on.")] = None,
) -> None:
    """Ask failed questions again and say how many recovered. Exits 1 if some are still pending after the timeout."""
    plan = checked(**fields)
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
