"""The stack at a glance: programs, memory, health, addresses and logins."""

import time
from collections.abc import Sequence
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table
from rich.text import Text

from deploy.local import processes
from deploy.local.environment import PROMETHEUS_URL
from deploy.local.programs import Program
from deploy.local.stack import Stack
from deploy.local.supervisor import State, Supervisor
from streaming.errors import Unreachable

_MIB = 1024 * 1024


@dataclass(frozen=True)
class Row:
    """One program: `memory` in bytes, its children included; `trouble` is None when it is ready for work.

    `note`: what it then works around, None for nothing.
    """

    program: Program
    state: State
    memory: int
    trouble: str | None
    note: str | None = None


def rows(programs: Sequence[Program], supervisor: Supervisor) -> list[Row]:
    """Every program that supervisord knows. Raises Unreachable if it does not run."""
    states = supervisor.states()
    return [
        Row(
            program,
            states[program.name],
            processes.family_bytes(states[program.name].pid) if states[program.name].pid else 0,
            *(_health(program) if states[program.name].running else (states[program.name].description, None)),
        )
        for program in programs
        if program.name in states
    ]


def _health(program: Program) -> tuple[str | None, str | None]:
    try:
        return None, program.ready()
    except Unreachable as err:
        return str(err), None


def show(found: Sequence[Row], own: int, console: Console) -> None:
    """Print the table; `own`: supervisord's memory in bytes."""
    table = Table("program", "state", "pid", "up", "memory", "health", "address", box=None, header_style="bold", pad_edge=False)
    for row in found:
        running = row.state.running
        table.add_row(
            row.program.name,
            f"[{'green' if running else 'red'}]{row.state.state.lower()}[/]",
            str(row.state.pid or ""),
            duration(time.time() - row.state.started) if running else "",
            f"{row.memory / _MIB:.0f} MiB",
            _shown(row),
            row.program.address,
        )
    table.add_row("supervisord", "", "", "", f"{own / _MIB:.0f} MiB", "", "")
    table.add_row("[bold]total[/]", "", "", "", f"[bold]{(own + sum(row.memory for row in found)) / _MIB:.0f} MiB[/]", "", "")
    console.print(table)


def _shown(row: Row) -> Text:
    if row.trouble is not None:
        return Text(row.trouble, "red", overflow="fold")
    return Text.assemble(("ready", "green"), (f", without {row.note}" if row.note else "", "yellow"), overflow="fold")


def show_addresses(stack: Stack, console: Console) -> None:
    """Where a person finds what, with logins."""
    env = stack.environment
    model = "the simulator, not a real model" if stack.simulated else "your model server"
    login = f"user {env['ANSWERLOOP_AIRFLOW_USER']}, password {env['ANSWERLOOP_AIRFLOW_PASSWORD']}"
    lines = {
        "API": f"{env['ANSWERLOOP_API_URL']}/docs",
        "Airflow": f"{env['ANSWERLOOP_AIRFLOW_URL']} ({login})",
        "Flink": env["ANSWERLOOP_FLINK_URL"],
        "model": f"{env['ANSWERLOOP_OLLAMA_URL']} ({model})",
        "PostgreSQL": env["ANSWERLOOP_DATABASE_URL"],
        "Kafka": env["ANSWERLOOP_KAFKA_BOOTSTRAP"],
        "Prometheus": env[PROMETHEUS_URL] if stack.monitored else "not installed: optional, see docs/operations.md",
        "Redis": env["ANSWERLOOP_REDIS_URL"],
        "in a shell": f". {stack.places.env_file}",
        "logs": str(stack.places.logs),
    }
    for what, where in lines.items():
        console.print(f"  {what:<12}{where}", soft_wrap=True, highlight=False, markup=False)


def duration(seconds: float) -> str:
    """90 061 s are `1d 1h`; two units at most."""
    whole = int(seconds)
    for unit, size, below, name in (("d", 86400, 3600, "h"), ("h", 3600, 60, "m"), ("m", 60, 1, "s")):
        if whole >= size:
            return f"{whole // size}{unit} {whole % size // below}{name}"
    return f"{whole}s"
