"""`python -m tests.chaos run`: faults on the stack of this environment, one after the other, each with its seeds; then their table."""

import subprocess
import sys
from fnmatch import fnmatch
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from streaming import settings
from tests import stack
from tests.chaos import results, runner
from tests.chaos.faults import matrix

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, no_args_is_help=True, help="Fault runs on the real stack.")
RESULTS = Path(".local-chaos-results.jsonl")
MORE_SEEDS = ("kill", "stop", "die-at", "away")


@app.command()
def run(
    faults: Annotated[str, typer.Option(help="names or patterns, separated by commas: `kill:*,poison`; empty: all")] = "",
    seeds: Annotated[int, typer.Option(min=0, help="seeds for each fault; 0: 5 for kills, stops and failpoints, 3 for the others")] = 0,
    anew: Annotated[bool, typer.Option(help="forget kept results first; else only what is missing runs")] = False,
) -> None:
    """Play faults and keep their results."""
    console = Console()
    patterns = [each.strip() for each in faults.split(",") if each.strip()] or ["*"]
    chosen = [fault for name, fault in matrix().items() if any(fnmatch(name, pattern) for pattern in patterns)]
    if not chosen:
        console.print(f"no fault is called {faults}; there are:\n  " + "\n  ".join(matrix()))
        raise typer.Exit(2)
    if anew:
        RESULTS.unlink(missing_ok=True)
    done = {(each.fault, each.seed) for each in results.kept(RESULTS)}
    wanted = [(fault, seed) for fault in chosen for seed in range(1, 1 + (seeds or (5 if fault.name.startswith(MORE_SEEDS) else 3)))]
    missing = [(fault, seed) for fault, seed in wanted if (fault.name, seed) not in done]
    stack.load_sample()
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=True).stdout.strip()
    for number, (fault, seed) in enumerate(missing, 1):
        heading = f"{number}/{len(missing)} {fault.name} seed {seed}"
        with console.status(heading) as status:
            result = runner.run(fault, seed, settings.load(), commit, lambda phase, heading=heading: status.update(f"{heading}: {phase}"))  # type: ignore[misc]
        results.keep(RESULTS, result)
        verdict = "[green]0 violations[/]" if not result.violations else f"[bold red]{len(result.violations)} violations[/]"
        recovered = "did not recover" if result.recovered_s is None else f"recovered in {result.recovered_s:.1f} s"
        console.print(f"{heading}: {verdict}, {recovered}, {result.repeated_calls} calls repeated, {result.took_s:.0f} s", highlight=False)
        for violation in result.violations[:10]:
            console.print(f"    {violation}", highlight=False, markup=False)
    kept = [each for each in results.kept(RESULTS) if (each.fault, each.seed) in {(fault.name, seed) for fault, seed in wanted}]
    console.print(results.table(kept))
    sys.exit(any(each.violations for each in kept))


@app.command()
def table(markdown: Annotated[bool, typer.Option(help="as Markdown")] = False) -> None:
    """The table of the kept results."""
    kept = results.kept(RESULTS)
    if markdown:
        typer.echo(results.markdown(kept))
    else:
        Console().print(results.table(kept))


@app.command("list")
def names() -> None:
    """The names of all faults."""
    typer.echo("\n".join(matrix()))


if __name__ == "__main__":
    app()
