"""The commands: `python -m streaming NAME`. Each imports what it runs when it runs it."""

import asyncio
import sys
from collections.abc import Callable, Coroutine
from importlib import import_module
from typing import Any

import typer
from rich.console import Console
from rich.table import Table

from streaming.errors import AnswerloopError
from streaming.logs import loaded_settings
from streaming.settings import Settings

app = typer.Typer(
    no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help="The services and commands of Answerloop."
)


def _run(work: Callable[[Settings], Coroutine[Any, Any, None]]) -> None:
    import uvloop

    loaded = loaded_settings()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(work(loaded))


@app.command()
def provision() -> None:
    """Create missing topics and tables, repair settings that would lose records, report drift. Idempotent."""
    from streaming.provision import provision as work

    done = work(loaded_settings())
    table = Table("what", "done", title="provisioned")
    table.add_row("topics created", ", ".join(done.topics_created) or "none, all were there")
    table.add_row("settings repaired", "\n".join(str(each) for each in done.repaired) or "none")
    table.add_row("migrations applied", ", ".join(done.migrations_applied) or "none, all were there")
    table.add_row("logins granted", ", ".join(done.logins_granted) or "none: the owner of the tables serves for everything")
    table.add_row("drift", "\n".join(str(each) for each in done.drift) or "none")
    Console().print(table)


@app.command()
def access() -> None:
    """Allow each service's login of Kafka what it reads and writes, and no more. For a Kafka with logins. Idempotent."""
    from streaming.access import grant

    done = grant(loaded_settings())
    table = Table("what", "done", title="access to Kafka")
    table.add_row("logins", ", ".join(done.logins))
    table.add_row("allowed", "\n".join(map(str, done.allowed)) or "nothing new")
    table.add_row("no longer", "\n".join(map(str, done.no_longer)) or "nothing")
    Console().print(table)


@app.command("storage-api")
def storage_api() -> None:
    """The HTTP API: takes questions, gives answers."""
    from streaming.storage.api import serve

    serve(loaded_settings())


@app.command("storage-persister")
def storage_persister() -> None:
    """Stores answers, attempts and failures."""
    from streaming.storage.persister import run

    _run(run)


@app.command("llm-consumer")
def llm_consumer() -> None:
    """Asks the model."""
    from streaming.llm.consumer import run

    _run(run)


@app.command("retry-overload")
def retry_overload() -> None:
    """Sends overloaded questions back after 2, 4 and 8 s."""
    from streaming.retries.consumer import run_overload

    _run(run_overload)


@app.command("retry-quota")
def retry_quota() -> None:
    """Sends questions back when their quota is due."""
    from streaming.retries.consumer import run_quota

    _run(run_quota)


@app.command()
def sampler() -> None:
    """Samples lag, offsets and event time every 15 s."""
    from streaming.sampler.service import run

    _run(run)


@app.command()
def simulator() -> None:
    """A stand-in for Ollama, with faults that can be switched."""
    from streaming.simulator.app import serve

    serve(loaded_settings())


@app.command("job-submitter")
def job_submitter() -> None:
    """Keeps exactly one score job running on Flink."""
    from flink.submitter import run

    run(loaded_settings())


@app.command()
def asyncapi() -> None:
    """Print the AsyncAPI document of the topics (kept as docs/asyncapi.yaml)."""
    from streaming.asyncapi import as_yaml

    sys.stdout.write(as_yaml())


def _add(name: str, module: str, function: str) -> None:
    """Register a command whose options are declared in `module`, imported only when this command is asked for."""
    if len(sys.argv) > 1 and sys.argv[1] == name:
        app.command(name)(getattr(import_module(module), function))
    else:
        app.command(name, help=_HELP[name])(lambda: None)


def _add_group(name: str, module: str) -> None:
    """The same for a group of commands, `app` of the module."""
    if len(sys.argv) > 1 and sys.argv[1] == name:
        app.add_typer(import_module(module).app, name=name)
    else:
        app.command(name, help=_HELP[name])(lambda: None)


_HELP = {
    "calibrate": "Say what the score threshold accepts and refuses.",
    "load": "Load a CSV in the Yahoo format into dataset_questions.",
    "traffic": "Run a traffic experiment and print its summary.",
    "report": "The report of a run or a day.",
    "replay": "Ask failed questions again and say how many recovered.",
}
_add("calibrate", "streaming.calibration.cli", "command")
_add("load", "streaming.datasets.cli", "command")
_add("traffic", "streaming.traffic.cli", "traffic")
_add_group("report", "streaming.reports.cli")
_add("replay", "streaming.replays.cli", "replay")


def main() -> None:
    """Run a command; an error of ours is one message, not a stack trace."""
    try:
        app()
    except AnswerloopError as err:
        Console(stderr=True).print(f"[bold red]{type(err).__name__}[/]: {err}", highlight=False, markup=True)
        sys.exit(1)


if __name__ == "__main__":
    main()
