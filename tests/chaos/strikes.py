"""What is done to the stack: each returns once the stack is whole again, or will be by itself."""

import os
import time
from collections.abc import Callable
from random import Random
from urllib.parse import urlsplit
from uuid import uuid4

import httpx
import psutil

from streaming import topics
from tests.chaos.proxy import Proxy, Weather
from tests.chaos.stack import ChaosStack

Strike = Callable[[ChaosStack, Random], None]

ORPHANS_GONE_S = 10
BAD_WEATHER_S = 12


def nothing(_stack: ChaosStack, _random: Random) -> None:
    """Traffic alone."""


def of(act: Callable[[ChaosStack, str], None], program: str) -> Strike:
    return lambda stack, _random: act(stack, program)


def lasting(act: Callable[[ChaosStack, str, float], None], program: str, seconds: float) -> Strike:
    return lambda stack, _random: act(stack, program, seconds)


def die_at(point: str, program: str, stack: ChaosStack, random: Random) -> None:
    pid = stack.pid(program)
    stack.arm(point, random.randint(1, 5))
    stack.until(lambda: stack.pid(program) not in (0, pid), f"{program} is started again")


def each_in_turn(programs: tuple[str, ...], stack: ChaosStack, _random: Random) -> None:
    for program in programs:
        stack.kill(program)


def taskmanager_again_and_again(stack: ChaosStack, random: Random) -> None:
    for _ in range(5):
        alive = workers(stack)
        stack.kill("flink-taskmanager")
        no_orphans(stack, alive)
        time.sleep(random.uniform(0, 4))


def python_worker(stack: ChaosStack, _random: Random) -> None:
    alive = workers(stack)
    for worker in alive:
        worker.kill()
    no_orphans(stack, alive)


def workers(stack: ChaosStack) -> list[psutil.Process]:
    """The Python processes of the score job."""
    return [process for process in stack.family("flink-taskmanager") if "python" in process.name()]


def no_orphans(stack: ChaosStack, workers: list[psutil.Process]) -> None:
    stack.until(lambda: not any(worker.is_running() for worker in workers), "the Python workers of the dead end as well", ORPHANS_GONE_S)


def jobmanager_in_a_checkpoint(stack: ChaosStack, _random: Random) -> None:
    stack.until(lambda: checkpoint_under_way(stack), "a checkpoint is under way")
    stack.kill("flink-jobmanager")


def checkpoint_under_way(stack: ChaosStack) -> bool:
    jobs = stack.flink("/jobs")["jobs"]
    assert isinstance(jobs, list)
    for job in jobs:
        counts = stack.flink(f"/jobs/{job['id']}/checkpoints").get("counts", {})
        if isinstance(counts, dict) and counts.get("in_progress"):
            return True
    return False


def members_come_and_go(stack: ChaosStack, _random: Random) -> None:
    for _ in range(10):
        with stack.another("llm-consumer", ANSWERLOOP_OPS_PORT="0"):
            time.sleep(3)
        time.sleep(3)


def network(program: str, setting: str, weather: Weather, stack: ChaosStack, _random: Random) -> None:
    """The program reaches its neighbour through a proxy: fair, then bad, then fair again; then directly as before."""
    address = urlsplit(os.environ[setting])
    assert address.port is not None
    with Proxy("127.0.0.1", address.port).running() as proxy:
        there = address._replace(netloc=address.netloc.replace(f":{address.port}", f":{proxy.port}")).geturl()
        with stack.instead(program, **{setting: there}):
            stack.until(lambda: program not in stack.unready(), f"{program} is ready behind a proxy")
            proxy.change(weather)
            time.sleep(BAD_WEATHER_S)
            proxy.change(Weather.FAIR)
            stack.until(lambda: program not in stack.unready(), f"{program} is ready after a {weather.value}")


def backend_crash(stack: ChaosStack, random: Random) -> None:
    """One dead backend makes PostgreSQL end all connections and recover."""
    backends = [process for process in stack.family("postgres")[1:] if "answerloop" in " ".join(process.cmdline())]
    random.choice(backends).kill()


def terminate_connections(stack: ChaosStack, _random: Random) -> None:
    stack.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = current_user AND pid <> pg_backend_pid()")


def flush(stack: ChaosStack, _random: Random) -> None:
    stack.redis().flushall()


def redis_out_of_memory(stack: ChaosStack, _random: Random) -> None:
    client = stack.redis()
    before = client.config_get("maxmemory")["maxmemory"], client.config_get("maxmemory-policy")["maxmemory-policy"]
    client.config_set("maxmemory-policy", "noeviction")
    client.config_set("maxmemory", 1)
    try:
        time.sleep(8)
    finally:
        client.config_set("maxmemory", before[0])
        client.config_set("maxmemory-policy", before[1])


def play(stack: ChaosStack, **faults: object) -> None:
    httpx.put(f"{stack.settings.ollama_url}/simulator/faults", json=faults, timeout=10, trust_env=False).raise_for_status()


def burst(stack: ChaosStack, _random: Random) -> None:
    play(stack, overload_503=0.9)
    time.sleep(4)
    play(stack)


def model_down(stack: ChaosStack, _random: Random) -> None:
    play(stack, down=True)
    time.sleep(10)
    play(stack)


def poison(stack: ChaosStack, _random: Random) -> None:
    consumed = [name for name in topics.MESSAGE_OF if name != topics.DEAD_LETTERS]
    stack.produce([(name, value) for name in consumed for value in poisonous()])


def poisonous() -> list[bytes | None]:
    """Records that are no messages, one of each kind."""
    question = b'"question_id": "%s", "question_text": "x"' % str(uuid4()).encode()
    return [
        None,
        b"",
        b"\x00",
        b"\xff\xfe{",
        b"\xef\xbb\xbf{}",
        b"\x00\x00\x00\x00\x01schema",
        b"[]",
        b'"text"',
        b"{",
        b"{}",
        b"{" + question + b', "a\\u0000b": 1}',
        b"{" + question + b', "created_at": 1700000000}',
        b"{" + question + b', "retry_count": "1"}',
        b"{" + question + b', "retry_count": 99999999999999999999}',
        b"{" + question + b', "question_text": "\\ud800"}',
        b"[" * 5000 + b"]" * 5000,
        b"{" + question + b', "retry_count": -1, "padding": "' + b"x" * (8 * 1024 * 1024 - 2000) + b'"}',
    ]


def rewind(group: str, program: str, stack: ChaosStack, _random: Random) -> None:
    stack.rewind(group, topics.CONSUMED_BY[group], program)
