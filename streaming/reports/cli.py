"""The commands `report run` and `report day`."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from streaming.clock import SystemClock
from streaming.figures.measure import parsed
from streaming.figures.values import Report
from streaming.logs import loaded_settings
from streaming.reports.produce import report_day, report_run
from streaming.reports.report_table import report_table

app = typer.Typer(no_args_is_help=True, help="The report of a run or a day: stored, and written as HTML, JSON and CSV.")


@app.command()
def run(run_id: Annotated[str, typer.Argument(help="A traffic run.")]) -> None:
    """Everything about a traffic run. A second time replaces its report."""
    _show(*report_run(run_id, loaded_settings(), SystemClock()))


@app.command()
def day(day: Annotated[str, typer.Argument(help="A day in UTC as YYYY-MM-DD; today is reported up to now.")]) -> None:
    """Everything about a day, and about each run's part of it. A second time replaces its report."""
    _show(*report_day(parsed(day), loaded_settings(), SystemClock()))


def _show(report: Report, page: Path) -> None:
    console = Console()
    console.print(report_table(report))
    console.print(f"Report: {page}", highlight=False, soft_wrap=True)
