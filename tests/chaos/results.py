"""Results of chaos runs: kept a line of JSON each, so that a matrix that was broken off goes on with what is missing; and their table."""

import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median

from rich import box
from rich.table import Table

HEADINGS = ("fault", "seeds", "questions", "violations", "calls repeated", "recovered in s: median, most", "took s")


@dataclass(frozen=True)
class Result:
    """One run. `recovered_s`: from the end of the strike until all is ready and a question has ended; None where that never came."""

    fault: str
    seed: int
    commit: str
    questions: int
    violations: tuple[str, ...]
    repeated_calls: int
    recovered_s: float | None
    took_s: float


def kept(file: Path) -> list[Result]:
    """What was kept."""
    lines = file.read_text().splitlines() if file.exists() else []
    return [Result(**{**fields, "violations": tuple(fields["violations"])}) for fields in map(json.loads, lines)]


def keep(file: Path, result: Result) -> None:
    """Add one."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("a") as out:
        out.write(json.dumps(asdict(result)) + "\n")


def rows(results: Sequence[Result]) -> list[tuple[str, ...]]:
    """A row for each fault, in the order of their first runs."""
    by_fault: dict[str, list[Result]] = defaultdict(list)
    for result in results:
        by_fault[result.fault].append(result)
    return [_row(fault, runs) for fault, runs in by_fault.items()]


def _row(fault: str, runs: Sequence[Result]) -> tuple[str, ...]:
    times = [run.recovered_s for run in runs if run.recovered_s is not None]
    recovered = f"{median(times):.1f}, {max(times):.1f}" if len(times) == len(runs) else "not in time"
    return (
        fault,
        str(len(runs)),
        str(sum(run.questions for run in runs)),
        str(sum(len(run.violations) for run in runs)),
        str(sum(run.repeated_calls for run in runs)),
        recovered,
        f"{median(run.took_s for run in runs):.0f}",
    )


def table(results: Sequence[Result]) -> Table:
    """For people at a terminal."""
    made = Table(title="faults", box=box.SIMPLE)
    for heading in HEADINGS:
        made.add_column(heading, no_wrap=heading == "fault")
    for row in rows(results):
        made.add_row(*row, style=None if row[3] == "0" else "bold red")
    return made


def markdown(results: Sequence[Result]) -> str:
    """For the documents."""
    lines = [HEADINGS, tuple("---" for _ in HEADINGS), *rows(results)]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)
