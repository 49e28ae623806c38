"""The memory of the running stack, by program."""

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
    """Mebibytes by program, children included, and their sum; pages that processes share are shared out among them."""
    running = stack.recorded(os.environ)
    supervisor = Supervisor(running.places)
    programs = [program for group in start_order(running) for program in group]
    found = {row.program.name: round(row.memory / _MIB) for row in rows(programs, supervisor)}
    found["supervisord"] = round(processes.own_bytes(supervisor.pid()) / _MIB)
    return {"bench": "memory", "mebibytes": found, "total_mebibytes": sum(found.values())}


def main() -> None:
    """A table for people, then one line of JSON."""
    figures = measure()
    table = Table("program", "memory (MiB)", title="The running stack")
    for name, mebibytes in sorted(figures["mebibytes"].items(), key=lambda each: -each[1]):
        table.add_row(name, str(mebibytes))
    table.add_row("[bold]total[/]", f"[bold]{figures['total_mebibytes']}[/]")
    Console().print(table)
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
