"""`python -m deploy.local up | down | status | demo | logs | clean`."""

import os
import subprocess
import sys
from pathlib import Path

import typer
from rich.console import Console

from deploy.local import lifecycle, processes, stack, status
from deploy.local.places import ROOT
from deploy.local.programs import start_order
from deploy.local.supervisor import Supervisor
from streaming.errors import AnswerloopError, ConfigurationError, Unreachable

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help="The local stack.")
# Where no terminal tells its width, 80 columns would cut the table.
console = Console(width=None if sys.stdout.isatty() else 150)


@app.command()
def up() -> None:
    """Start everything and wait until it works."""
    loaded = stack.load(os.environ)
    with lifecycle.alone(loaded.places):
        if Supervisor(loaded.places).alive():
            loaded = _as_started(loaded)
        lifecycle.up(loaded, console)
    status.show_addresses(loaded, console)


@app.command()
def down() -> None:
    """Stop everything; nothing is left running."""
    _, places = stack.where(os.environ)
    if not places.claimed:
        console.print(f"there is no stack in {places.state}")
        return
    with lifecycle.alone(places):
        lifecycle.down(places, start_order(stack.recorded(os.environ)), console)


@app.command("status")
def show_status() -> None:
    """Each program's state, memory and health; exits 1 if one is not running."""
    loaded = _existing()
    supervisor = Supervisor(loaded.places)
    if not supervisor.alive():
        raise Unreachable(f"the stack in {loaded.places.state} is not running; `make up` starts it")
    programs = [program for group in start_order(loaded) for program in group]
    found = status.rows(programs, supervisor)
    status.show(found, processes.own_bytes(supervisor.pid()), console)
    console.print()
    status.show_addresses(loaded, console)
    if not all(row.state.running for row in found):
        sys.exit(1)


@app.command()
def addresses() -> None:
    """Where everything is, with logins."""
    status.show_addresses(_existing(), console)


@app.command("demo")
def run_demo(
    dataset: Path = typer.Option(ROOT / "data" / "sample.csv", help="A CSV in the Yahoo format."),
    requests: int = typer.Option(240, min=1, help="How many requests to send."),
) -> None:
    """Load a dataset and run traffic over it, through Airflow; exits 1 unless every request was answered or failed."""
    from deploy.local import demo

    loaded = _existing()
    demo.run(loaded, dataset, requests, console)
    status.show_addresses(loaded, console)


@app.command()
def logs(
    program: str = typer.Argument("", help="A program, such as kafka; all of them if left out."),
    lines: int = typer.Option(40, "-n", help="Lines of each log to begin with."),
    follow: bool = typer.Option(False, "-f", help="Go on as they grow."),
) -> None:
    """The end of one log, or of all."""
    places = _existing().places
    found = [places.logs / f"{program}.log"] if program else sorted(places.logs.glob("*.log"))
    if missing := [log for log in found if not log.exists()]:
        raise ConfigurationError(f"no {missing[0]}; there are {', '.join(sorted(log.stem for log in places.logs.glob('*.log')))}")
    sys.stdout.flush()
    subprocess.run(["tail", "-n", str(lines), *(["-F"] if follow else []), *map(str, found)], check=False)  # nosec B607 # the tail that the user's PATH names


@app.command()
def clean() -> None:
    """Stop everything and remove its state: databases, topics, checkpoints, logs."""
    _, places = stack.where(os.environ)
    if not places.claimed:
        console.print(f"nothing to remove in {places.state}")
        return
    with lifecycle.alone(places):
        lifecycle.down(places, start_order(stack.recorded(os.environ)), console)
        lifecycle.clean(places, console)


def _as_started(wanted: stack.Stack) -> stack.Stack:
    """The running stack; says so where it differs from what this shell asks for."""
    running = stack.recorded(os.environ)
    differing = {name for name, _ in wanted.environment.items() ^ running.environment.items()}
    if differing:
        console.print(
            f"[yellow]it runs with other settings than this shell's: {', '.join(sorted(differing))}; `make down up` applies these[/]"
        )
    return running


def _existing() -> stack.Stack:
    _, places = stack.where(os.environ)
    if not places.claimed:
        raise Unreachable(f"there is no stack in {places.state}; `make up` starts one")
    return stack.recorded(os.environ)


def main() -> None:
    """Run a command; an error of ours is a message, not a stack trace."""
    try:
        app()
    except AnswerloopError as err:
        Console(stderr=True).print(str(err), style="red", markup=False, highlight=False, soft_wrap=True)
        sys.exit(1)
    except KeyboardInterrupt:
        Console(stderr=True).print("\nstopped half-way; `make down` stops what was started")
        sys.exit(130)


if __name__ == "__main__":
    main()
