"""Flink's TaskManager, after an end to the Python workers of one that was killed: `python -m deploy.local.taskmanager [-Dsetting=value]`.

A worker that was just starting when its TaskManager died waits for it for ever, with a gigabyte of model in memory.
"""

import os
import sys

import psutil

from deploy.local import processes, stack
from deploy.local.places import Places
from deploy.local.programs import flink_home

_OF_A_WORKER = ("pyflink-udf-runner.sh", "pyflink.fn_execution")


def orphaned_workers(places: Places) -> list[psutil.Process]:
    """Python workers of this stack. It has one TaskManager: before it starts, none has a use."""
    found = []
    for process in processes.of_stack(places):
        try:
            if any(word in " ".join(process.cmdline()) for word in _OF_A_WORKER):
                found.append(process)
        except psutil.NoSuchProcess:
            continue
    return found


def main() -> None:
    _, places = stack.where(os.environ)
    processes.end(orphaned_workers(places), grace_s=1)
    script = str(flink_home() / "bin" / "taskmanager.sh")
    sys.stdout.flush()
    os.execv(script, [script, "start-foreground", *sys.argv[1:]])  # nosec B606 # a command of our own; no shell is wanted


if __name__ == "__main__":
    main()
