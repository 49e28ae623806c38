"""The running stack as tests use it: its processes, its simulator, traffic through it and what the database says afterwards."""

import os
import signal
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from uuid import uuid4

import httpx
import psycopg2
import pytest

from deploy.local import stack as local_stack
from deploy.local.supervisor import Supervisor
from streaming import settings
from streaming.clock import SystemClock
from streaming.datasets.load import load_file
from streaming.traffic.plan import TrafficPlan
from streaming.traffic.progress import Progress
from streaming.traffic.run import Finished, run_traffic

ROOT = Path(__file__).parents[1]
SAMPLE = ROOT / "data" / "sample.csv"


@pytest.fixture(autouse=True, scope="session")
def the_stack_is_named() -> None:
    """Say what is missing once, instead of failing test by test on addresses that nobody listens on."""
    if "ANSWERLOOP_STATE_DIR" not in os.environ:
        pytest.exit("these tests need a running stack: `make test` brings one; or `make up` and `. .local/env`", returncode=4)


def supervisor() -> Supervisor:
    return Supervisor(local_stack.recorded(os.environ).places)


def kill(program: str) -> int:
    """kill -9 of a program of the stack; returns the pid it had."""
    pid = supervisor().state(program).pid
    os.kill(pid, signal.SIGKILL)
    return pid


def stop(program: str, deadline_s: float = 60) -> None:
    supervisor().stop(program)
    until(lambda: supervisor().state(program).stopped, f"{program} stops", deadline_s)


def start(program: str, deadline_s: float = 60) -> None:
    supervisor().start(program)
    until(lambda: supervisor().state(program).running, f"{program} starts", deadline_s)


def until_restarted(program: str, old_pid: int, deadline_s: float = 60) -> None:
    def restarted() -> bool:
        state = supervisor().state(program)
        return state.running and state.pid not in (0, old_pid)

    until(restarted, f"{program} is started again", deadline_s)


def until(condition: Callable[[], bool], what: str, deadline_s: float) -> None:
    """Poll until it holds; fails naming what was awaited."""
    end = time.monotonic() + deadline_s
    while not condition():
        assert time.monotonic() < end, f"not within {deadline_s:.0f} s: {what}"
        time.sleep(0.1)


def set_faults(**faults: Any) -> None:
    """Switch the simulator's faults; without any, it is clean."""
    reply = httpx.put(f"{settings.load().ollama_url}/simulator/faults", json=faults, timeout=10)
    reply.raise_for_status()


def sql(query: str, *parameters: Any) -> list[tuple[Any, ...]]:
    with closing(psycopg2.connect(settings.load().database_url)) as connection, connection.cursor() as cursor:
        cursor.execute(query, parameters)
        return cursor.fetchall()


def set_quality(**quality: Any) -> None:
    """Set the shares of the simulator's answers that are not good; without any, all are."""
    reply = httpx.put(f"{settings.load().ollama_url}/simulator/quality", json=quality, timeout=10)
    reply.raise_for_status()


def load_sample(path: Path = SAMPLE) -> str:
    """Load a dataset; returns its name."""
    with closing(psycopg2.connect(settings.load().database_url)) as database, TemporaryDirectory() as rejected:
        return load_file(path, path.stem, database, Path(rejected), lambda _: None).dataset


async def traffic(drain_timeout_s: float = 180, **plan: Any) -> tuple[str, Finished]:
    """Run traffic to its end; returns the run's id and what it came to."""
    run_id = f"test-{uuid4()}"
    full = TrafficPlan(**plan)
    clock = SystemClock()
    return run_id, await run_traffic(full, run_id, settings.load(), Progress(full.requests, clock), clock, drain_timeout_s)


def assert_complete(run_id: str) -> None:
    """Every question of the run has one end, with the details that belong to it."""
    states = dict(sql("SELECT status, count(*) FROM questions WHERE run_id = %s GROUP BY status", run_id))
    assert states.get("pending", 0) == 0, states
    assert sum(states.values()) > 0
    torn = sql(
        """SELECT q.question_id, q.status, a.question_id, f.question_id FROM questions q
           LEFT JOIN answers a USING (question_id)
           LEFT JOIN failed_questions f ON f.question_id = q.question_id AND f.submission_id = q.submission_id
           WHERE q.run_id = %s AND ((q.status = 'answered') <> (a.question_id IS NOT NULL)
                                    OR (q.status = 'failed') <> (f.question_id IS NOT NULL))""",
        run_id,
    )
    assert torn == []
    unanswered_requests = sql(
        "SELECT request_number, final_status FROM traffic_requests WHERE run_id = %s AND final_status NOT IN ('answered', 'failed')", run_id
    )
    assert unanswered_requests == []
    without_attempt = sql(
        """SELECT a.question_id FROM answers a JOIN questions q USING (question_id)
           WHERE q.run_id = %s AND NOT EXISTS (SELECT 1 FROM attempts t WHERE t.submission_id = a.submission_id
                                               AND t.retry_count = a.accepted_retry_count AND t.outcome = 'success')""",
        run_id,
    )
    assert without_attempt == []
