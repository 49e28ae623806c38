"""A Python worker must not outlive its TaskManager: one that is killed leaves its worker behind, with a gigabyte, for ever."""

import logging
import os
import threading

import psutil

log = logging.getLogger(__name__)


def end_with_task_manager() -> None:
    """End this process as soon as the JVM that started it (through a shell) is gone."""
    jvm = next((process for process in psutil.Process().parents() if process.name() == "java"), None)
    if jvm is None:
        log.warning("no JVM above this worker (process %d); nothing ends it when its TaskManager is killed", os.getpid())
        return
    threading.Thread(target=_end_after, args=(jvm,), name="task-manager-watch", daemon=True).start()


def _end_after(jvm: psutil.Process) -> None:
    jvm.wait()
    # Nobody is left to hand results or errors to; a normal exit would wait for the threads that wait for the JVM.
    os._exit(1)
