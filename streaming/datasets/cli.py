"""The command `load`."""

import os
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, TextColumn, TimeRemainingColumn, TransferSpeedColumn
from rich.progress import Progress as Bar
from rich.table import Table

from streaming import settings as setting
from streaming.datasets.load import Loaded, load_file
from streaming.errors import UserError
from streaming.postgres.connect import connected
from streaming.service import set_up_logging
from streaming.settings import Settings


def command(
    path: Annotated[Path, typer.Argument(help="A CSV in the Yahoo format: class, title, content, answer; no header.")],
    dataset: Annotated[str | None, typer.Option(help="The dataset's name; default: the file's, without its ending.")] = None,
    rejected: Annotated[Path | None, typer.Option(help="A folder for the file of rejected rows; default: beside the file.")] = None,
) -> None:
    """Load questions and reference answers. Loading a file again changes nothing; rows that cannot be used go to NAME.rejected.csv."""
    settings = setting.load()
    set_up_logging(settings)
    load_in_terminal(path, dataset, rejected, settings, Console())


def load_in_terminal(path: Path, dataset: str | None, rejected: Path | None, settings: Settings, console: Console) -> Loaded:
    """Load the file with a progress bar in a terminal, then print what became of its rows."""
    name = dataset or path.stem
    if len(name) > 200 or not name.isprintable() or not name:
        raise UserError(f"{name!r} cannot be a dataset's name: give one of 1 to 200 printable characters with --dataset.")
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
