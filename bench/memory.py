"""The resident memory of the running stack, by process."""

import os
from typing import Any

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
