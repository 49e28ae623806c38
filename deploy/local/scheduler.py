"""Airflow's scheduler, after an end to the workers of one that was killed: `python -m deploy.local.scheduler`.

They wait for work for ever, and keep the killed one's database session open with the locks that it held: the next scheduler would wait
for these. What they were doing is done again.
"""

import os
import sys

import psutil

from deploy.local import processes, stack
from deploy.local.places import Places

_OF_A_WORKER = "airflow worker"


def orphaned_workers(places: Places) -> list[psutil.Process]:
    """Workers of this stack and the tasks below them. It has one scheduler: before it starts, none has a use."""
    found: dict[int, psutil.Process] = {}
    for process in processes.of_stack(places):
        try:
            if " ".join(process.cmdline()).startswith(_OF_A_WORKER):
                found.update({each.pid: each for each in processes.family(process.pid)})
        except psutil.NoSuchProcess:
            continue
    return list(found.values())


def main() -> None:
    _, places = stack.where(os.environ)
    # Not asked to stop: a task that is asked takes it for a user's wish and cancels what it does.
    processes.kill(orphaned_workers(places))
    command = [str(places.python), "-m", "airflow", "scheduler", "--skip-serve-logs"]
    sys.stdout.flush()
    os.execv(command[0], command)  # nosec B606 # a command of our own; no shell is wanted


if __name__ == "__main__":
    main()
