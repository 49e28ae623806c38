"""The resident memory of the running stack, by process."""

import json
import os
from typing import Any

from rich.console import Console
from rich.table import Table

from deploy.local import processes, stack
from deploy.local.programs import start_order
from deploy.local.status import rows
from deploy.local.supervisor import Supervisor

_MIB = 1024 * 1024


def measure() -> dict[str, Any]:
    """Mebibytes by program, children included, and their sum. Resident sets share pages, so the sum is an upper bound."""
    running = stack.recorded(os.environ)
    supervisor = Supervisor(running.places)
    programs = [program for group in start_order(running) for program in group]
    found = {row.program.name: round(row.memory / _MIB) for row in rows(programs, supervisor)}
    found["supervisord"] = round(processes.own_bytes(supervisor.pid()) / _MIB)
    return {"bench": "memory", "mebibytes": found, "total_mebibytes": sum(found.values())}


def main() -> None:
    """A table for people, then one line of JSON."""
    figures = measure()
    table = Table("program", "resident (MiB)", title="The running stack")
    for name, mebibytes in sorted(figures["mebibytes"].items(), key=lambda each: -each[1]):
        table.add_row(name, str(mebibytes))
    table.add_row("[bold]total[/]", f"[bold]{figures['total_mebibytes']}[/]")
    Console().print(table)
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
