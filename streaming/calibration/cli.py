"""The command `calibrate`."""

from functools import partial
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn
from rich.table import Table

from streaming.calibration.calibrate import Advance, calibrate, logged
from streaming.calibration.chart import LOOKS
from streaming.calibration.page import quoted
from streaming.calibration.plan import CalibrationPlan, checked
from streaming.calibration.thresholds import spread
from streaming.clock import SystemClock
from streaming.figures.rates import Calibration, Rates
from streaming.logs import loaded_settings
from streaming.reports.digits import percent, score
from streaming.settings import Settings

DEFAULTS = CalibrationPlan(dataset="sample")


def command(
    dataset: Annotated[str, typer.Option(help="A loaded dataset (see `load`).")] = DEFAULTS.dataset,
    pairs: Annotated[int, typer.Option(help="How many of its questions to take: 20 to 5000.")] = DEFAULTS.pairs,
    seed: Annotated[int, typer.Option(help="The same seed takes the same questions and makes the same pairs.")] = DEFAULTS.seed,
) -> None:
    """Score matched and unrelated pairs of a dataset, and say what the threshold accepts. Stored, and written as a report."""
    plan = checked(dataset=dataset, pairs=pairs, seed=seed)
    in_terminal(plan, loaded_settings(), Console())


def in_terminal(plan: CalibrationPlan, settings: Settings, console: Console) -> tuple[Calibration, Path]:
    """Calibrate with a progress bar in a terminal, then print what came of it."""
    columns = (TextColumn("scoring pairs"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal) as bar:
        shown, clock = bar.add_task("", total=None), SystemClock()
        advance: Advance = partial(_advance, bar, shown) if console.is_terminal else logged(clock)
        result, page = calibrate(plan, settings, clock, advance)
    console.print(_scores(result))
    console.print(_rates(result))
    console.print(quoted(result.in_use), highlight=False)
    console.print(f"Report: {page}", highlight=False, soft_wrap=True)
    return result, page


def _advance(bar: Progress, shown: TaskID, done: int, of: int) -> None:
    bar.update(shown, completed=done, total=of)


def _scores(result: Calibration) -> Table:
    table = Table("pairs", "answer", title=f"Scores: {result.subject}", title_justify="left")
    for name in ("number", "mean", "5 %", "median", "95 %"):
        table.add_column(name, justify="right")
    for each in result.samples:
        short = spread(each.scores)
        values = (short.mean, short.p5, short.p50, short.p95)
        table.add_row(LOOKS[each.group][2], each.kind, f"{len(each.scores):,}", *map(score, values))
    return table


def _rates(result: Calibration) -> Table:
    table = Table("threshold", "", "false accepts", "false rejects", title="Errors", title_justify="left")
    named: list[tuple[str, Rates | None]] = [
        ("in use", result.in_use),
        ("recommended", result.at_recommended),
        ("at most 1 % false accepts", result.at_strict),
    ]
    for name, rates in named:
        shares = (rates.false_accepts, rates.false_rejects) if rates else ()
        table.add_row(f"{rates.threshold:g}" if rates else "none", name, *(f"{percent(each.rate)} ({each.count:,})" for each in shares))
    return table
