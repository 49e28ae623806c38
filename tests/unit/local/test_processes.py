"""Finding and ending what belongs to a stack, with real processes."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from deploy.local import processes
from deploy.local.environment import MARK
from deploy.local.places import Places, places
from deploy.local.taskmanager import orphaned_workers


@pytest.fixture
def here(tmp_path: Path) -> Places:
    return places({}, tmp_path, as_root=False)


@pytest.fixture
def begun() -> Iterator[list[subprocess.Popen[bytes]]]:
    all_of_them: list[subprocess.Popen[bytes]] = []
    yield all_of_them
    for process in all_of_them:
        process.kill()
        process.wait()


def begin(begun: list[subprocess.Popen[bytes]], here: Places | None, code: str = "input()", *words: str) -> subprocess.Popen[bytes]:
    marked = {**os.environ, **({MARK: str(here.state)} if here else {})}
    script = f"print(flush=True); {code}"
    process = subprocess.Popen([sys.executable, "-c", script, *words], env=marked, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    begun.append(process)
    assert process.stdout is not None
    process.stdout.readline()
    return process


def test_a_process_of_the_stack_is_known_by_its_mark_and_nobody_elses_is(here: Places, begun: list[subprocess.Popen[bytes]]) -> None:
    ours, anybodys = begin(begun, here), begin(begun, None)
    found = {process.pid for process in processes.of_stack(here)}
    assert ours.pid in found
    assert anybodys.pid not in found
    assert os.getpid() not in found


def test_a_process_that_ignores_the_request_to_end_is_killed(here: Places, begun: list[subprocess.Popen[bytes]]) -> None:
    stubborn = begin(begun, here, "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(flush=True); input()")
    assert stubborn.stdout is not None
    stubborn.stdout.readline()
    assert processes.end([psutil.Process(stubborn.pid)], grace_s=0.2) == []
    assert not psutil.pid_exists(stubborn.pid)


def test_only_python_workers_count_as_orphans_of_a_taskmanager(here: Places, begun: list[subprocess.Popen[bytes]]) -> None:
    worker, service = begin(begun, here, "input()", "pyflink.fn_execution.beam.beam_boot"), begin(begun, here)
    found = [process.pid for process in orphaned_workers(here)]
    assert found == [worker.pid]
    assert service.pid not in found


def test_memory_counts_the_children(begun: list[subprocess.Popen[bytes]]) -> None:
    child = begin(begun, None)
    both = processes.family_bytes(os.getpid())
    assert both >= processes.own_bytes(os.getpid()) // 2 + processes.own_bytes(child.pid)


def test_a_process_that_is_gone_has_no_family_and_no_memory(begun: list[subprocess.Popen[bytes]]) -> None:
    gone = begin(begun, None)
    gone.kill()
    gone.wait()
    assert processes.family(gone.pid) == []
    assert processes.own_bytes(gone.pid) == 0
