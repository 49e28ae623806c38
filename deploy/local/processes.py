"""The operating system's view of the stack: its processes, their memory, and what was left behind."""

import os
from collections.abc import Collection, Iterable

import psutil

from deploy.local.environment import MARK
from deploy.local.places import Places

_GONE = (psutil.NoSuchProcess, psutil.ZombieProcess)


def family(pid: int) -> list[psutil.Process]:
    """A process and all below it; nothing if it is gone."""
    try:
        parent = psutil.Process(pid)
        return [parent, *parent.children(recursive=True)]
    except _GONE:
        return []


def family_bytes(pid: int) -> int:
    """Memory of a process and all below it (see `own_bytes`)."""
    return sum(own_bytes(process.pid) for process in family(pid))


def own_bytes(pid: int) -> int:
    """Memory of one process; 0 if it is gone.

    On Linux its proportional share: a page that n processes share, say PostgreSQL's buffers or what a fork has inherited, counts 1/n in
    each, so that sums are true. Elsewhere its resident memory.
    """
    try:
        memory = psutil.Process(pid).memory_full_info()
    except _GONE:
        return 0
    return int(getattr(memory, "pss", memory.rss))


def of_stack(places: Places) -> list[psutil.Process]:
    """Every process of this stack, whoever its parent is now."""
    # PostgreSQL and Redis write their titles over the environment that would show the mark; they are known by where they work.
    servers = {("postgres", str(places.postgres_data)), ("redis-server", str(places.redis))}
    found = []
    for process in psutil.process_iter():
        try:
            if process.pid != os.getpid() and (
                process.environ().get(MARK) == str(places.state) or (process.name(), process.cwd()) in servers
            ):
                found.append(process)
        except (*_GONE, psutil.AccessDenied, OSError):
            continue
    return found


def running(processes: Iterable[psutil.Process]) -> list[psutil.Process]:
    """Those that still run; a number that another process has by now does not count."""
    return [process for process in processes if process.is_running() and _status(process) != psutil.STATUS_ZOMBIE]


def _status(process: psutil.Process) -> str:
    try:
        return str(process.status())
    except _GONE:
        return psutil.STATUS_ZOMBIE


def end(processes: Collection[psutil.Process], grace_s: float = 5) -> list[psutil.Process]:
    """Terminate, then kill. Returns what survived even that."""
    for process in processes:
        _signal(process.terminate)
    _, stubborn = psutil.wait_procs(processes, timeout=grace_s)
    return kill(stubborn, grace_s)


def kill(processes: Collection[psutil.Process], grace_s: float = 5) -> list[psutil.Process]:
    """Kill at once. Returns what survived even that."""
    for process in processes:
        _signal(process.kill)
    _, left = psutil.wait_procs(processes, timeout=grace_s)
    return running(left)


def _signal(send: object) -> None:
    assert callable(send)
    try:
        send()
    except _GONE:
        return
