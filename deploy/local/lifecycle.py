"""Up and down: start in the order of dependence and wait for health; stop in reverse and see that nothing is left."""

import fcntl
import os
import shutil
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import psutil
from rich.console import Console

from deploy.local import airflow, postgres, preflight, processes, render
from deploy.local.environment import OF_THE_STACK, OWNER_URL, PREFIX
from deploy.local.places import Places
from deploy.local.programs import Program, airflow_command, flink_home, kafka_java, service_command, start_order
from deploy.local.stack import Stack
from deploy.local.supervisor import Supervisor
from streaming import settings as settings_module
from streaming.errors import ConfigurationError, Unreachable
from streaming.settings import Settings

# So many starts without ever being alive, and the fault is not a slow machine.
_HOPELESS_STARTS = 5
_STOP_DEADLINE_S = 30


@contextmanager
def alone(places: Places) -> Iterator[None]:
    """Nobody else starts or stops this stack meanwhile. Raises ConfigurationError if somebody does."""
    with (places.state / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as err:
            raise ConfigurationError(f"another command is starting or stopping the stack in {places.state}; wait for it") from err
        yield


def up(stack: Stack, console: Console) -> None:
    """Start what does not run, in order, and wait until it lives. Idempotent.

    Raises ConfigurationError before anything starts, Unreachable with the end of its log for a program that does not come up.
    """
    started = time.monotonic()
    groups = start_order(stack)
    everything = [program for group in groups for program in group]
    supervisor = Supervisor(stack.places)
    if not supervisor.alive():
        launch(stack, everything, supervisor, console)
    elif all(state.running for state in supervisor.states().values()):
        console.print(f"the stack in {stack.places.state} is running already")
    components, *rest = groups
    start(components, supervisor, stack.places, console)
    postgres.ensure_databases(stack)
    provision(stack, console)
    migrate_airflow(stack, console)
    for group in rest:
        start(group, supervisor, stack.places, console)
    await_ready(everything, console)
    console.print(f"[green]up[/] in {time.monotonic() - started:.0f} s")


def launch(stack: Stack, programs: Sequence[Program], supervisor: Supervisor, console: Console) -> None:
    """From nothing to a supervisord that has started nothing yet."""
    places = stack.places
    settings = validated(stack.environment, console)
    if leftovers := processes.of_stack(places):
        console.print(f"ending {len(leftovers)} processes that an interrupted stack left behind")
        processes.end(leftovers)
    if found := preflight.problems(programs, places):
        raise ConfigurationError("the stack cannot start:\n" + "\n".join(f"  - {problem}" for problem in found))
    render.write_all(stack, programs, settings, flink_home())
    postgres.forget_lost_server(places)
    postgres.initialise(stack)
    format_kafka(stack)
    supervisor.launch(stack.process_environment)


def validated(environment: Mapping[str, str], console: Console) -> Settings:
    """The services' settings, read before any service does. Raises ConfigurationError that names every bad one."""
    known = {f"{PREFIX}{name.upper()}" for name in Settings.model_fields} | OF_THE_STACK
    for name in preflight.unknown_settings(environment, known):
        console.print(f"[yellow]{name} is not a setting that anything reads: misspelt?[/]")
    os.environ.update(environment)
    return settings_module.load()


def format_kafka(stack: Stack) -> None:
    """Give Kafka's data directory its cluster id, once."""
    places = stack.places
    if (places.kafka / "data" / "meta.properties").exists():
        return
    shutil.rmtree(places.kafka / "data", ignore_errors=True)
    arguments = ("format", "-t", stack.credentials.kafka_cluster, "-c", str(places.kafka / "server.properties"))
    run_to_end(kafka_java(places, "kafka.tools.StorageTool", *arguments), stack, "kafka-format", 60, {})


def provision(stack: Stack, console: Console) -> None:
    """Topics and tables. Raises ConfigurationError with what it said if it fails."""
    with console.status("topics and tables"):
        as_owner = {OWNER_URL: stack.environment[OWNER_URL]}
        run_to_end(service_command(stack.places, "provision"), stack, "provision", 120, as_owner)
    console.print("  [green]✓[/] provisioned")


def migrate_airflow(stack: Stack, console: Console) -> None:
    """The tables of Airflow's own database; at once where the installed version has made them before."""
    where = (stack.places, stack.ports, stack.credentials)
    if airflow.migrated(*where):
        return
    with console.status("Airflow's tables"):
        run_to_end((*airflow_command(stack.places), "db", "migrate"), stack, "airflow-migrate", 300, stack.airflow_environment)
    airflow.stamp_migrated(*where)
    console.print("  [green]✓[/] Airflow's tables")


def run_to_end(command: Sequence[str], stack: Stack, name: str, deadline_s: float, besides: Mapping[str, str]) -> None:
    """Run a command of the stack with these variables besides its processes'."""
    variables = {**stack.process_environment, **besides}
    log = stack.places.logs / f"{name}.log"
    with log.open("ab") as out:
        try:
            done = subprocess.run(command, env=variables, cwd=stack.places.root, stdout=out, stderr=out, timeout=deadline_s, check=False)
        except subprocess.TimeoutExpired as err:
            raise Unreachable(f"{name} took over {deadline_s:.0f} s\n{tail(log)}") from err
    if done.returncode != 0:
        raise ConfigurationError(f"{name} failed:\n{tail(log)}")


def start(programs: Sequence[Program], supervisor: Supervisor, places: Places, console: Console) -> None:
    """Start a group and wait until each of it is alive."""
    began = time.monotonic()
    waiting = {program.name: program for program in programs}
    for name in waiting:
        supervisor.start(name)
    starts: dict[str, set[int]] = {name: set() for name in waiting}
    with console.status("starting") as display:
        while waiting:
            reasons = {}
            for name, program in list(waiting.items()):
                state = supervisor.state(name)
                starts[name].add(state.started)
                reason = problem(program) if state.running else state.description or state.state.lower()
                if reason is None:
                    del waiting[name]
                    console.print(f"  [green]✓[/] {name:<22} {program.address:<28} {time.monotonic() - began:.1f} s", highlight=False)
                    continue
                reasons[name] = reason
                if time.monotonic() - began > program.alive_within_s or len(starts[name]) > _HOPELESS_STARTS or state.state == "FATAL":
                    raise Unreachable(
                        f"{name} does not come up ({reason}). The end of {places.logs}/{name}.log:\n{tail(places.logs / f'{name}.log')}"
                    )
            display.update("starting " + ", ".join(f"{name} [dim]({reason[:60]})[/]" for name, reason in reasons.items()))
            time.sleep(0.2)


def problem(program: Program, *, ready: bool = False) -> str | None:
    """Why a program is not alive (or not ready), None if it is."""
    try:
        (program.ready if ready else program.alive)()
    except Unreachable as err:
        return str(err)
    return None


def await_ready(programs: Sequence[Program], console: Console) -> None:
    """Wait a while for what has started to be ready for work; what is not is named, and goes on by itself."""
    began = time.monotonic()
    with console.status("waiting until all is ready") as display:
        while True:
            unready = [(program, reason) for program in programs if (reason := problem(program, ready=True))]
            waited = time.monotonic() - began
            if all(waited > program.ready_within_s for program, _ in unready):
                break
            display.update("waiting until all is ready: " + ", ".join(f"{each.name} [dim]({reason[:60]})[/]" for each, reason in unready))
            time.sleep(0.5)
    for program, reason in unready:
        console.print(f"  [yellow]![/] {program.name:<22} not ready yet: {reason}", highlight=False)


def down(places: Places, groups: Sequence[Sequence[Program]], console: Console) -> None:
    """Stop the groups of programs in reverse, then supervisord; end whatever is left and say so.

    Raises ConfigurationError if a process survives even that.
    """
    members = processes.of_stack(places)
    supervisor = Supervisor(places)
    if supervisor.alive():
        members += processes.family(supervisor.pid())
        for group in reversed(groups):
            stop([program.name for program in group], supervisor, console)
        supervisor.shut_down()
        psutil.wait_procs(members, timeout=_STOP_DEADLINE_S)
    elif not members:
        console.print("the stack is not running")
        return
    left = {process.pid: process for process in [*processes.running(members), *processes.of_stack(places)]}
    if left:
        console.print(f"ending processes that were left over: {', '.join(map(str, left))}", highlight=False)
        if survivors := processes.end(list(left.values())):
            raise ConfigurationError(f"still running: {', '.join(str(each) for each in survivors)}")
    for stale in (places.socket, places.run / "supervisord.pid"):
        stale.unlink(missing_ok=True)
    console.print("down: nothing of the stack is running")


def stop(names: Sequence[str], supervisor: Supervisor, console: Console) -> None:
    """Stop a group together and wait for the slowest."""
    known = supervisor.states()
    asked = [name for name in names if name in known and not known[name].stopped]
    for name in asked:
        supervisor.stop(name)
    until = time.monotonic() + _STOP_DEADLINE_S
    with console.status("stopping") as display:
        while waiting := [name for name in asked if not supervisor.state(name).stopped]:
            if time.monotonic() > until:
                return
            display.update(f"stopping {', '.join(waiting)}")
            time.sleep(0.1)


def clean(places: Places, console: Console) -> None:
    """Remove the state of a stack that is down."""
    for folder in {places.state, places.postgres}:
        shutil.rmtree(folder, ignore_errors=not folder.exists())
    if places.postgres_user and places.postgres.parent.exists() and not any(places.postgres.parent.iterdir()):
        places.postgres.parent.rmdir()
    console.print(f"removed {places.state}" + (f" and {places.postgres}" if places.postgres_user else ""))


def tail(log: Path, lines: int = 15) -> str:
    """The last lines of a log, indented."""
    if not log.exists():
        return "  (no log)"
    return "\n".join(f"  {line}" for line in log.read_text(errors="replace").splitlines()[-lines:])
