"""The matrix: every fault by its name."""

import os
import time
from collections.abc import Callable, Iterator
from functools import partial
from itertools import product
from random import Random
from urllib.parse import urlsplit
from uuid import uuid4

import httpx
import psutil

from streaming import topics
from tests.chaos.proxy import Proxy, Weather
from tests.chaos.scenario import Fault
from tests.chaos.stack import ChaosStack

SERVICES = ("storage-api", "storage-persister", "llm-consumer", "retry-overload", "retry-quota", "job-submitter")
STORES = ("kafka", "postgres", "redis")
FLINK = ("flink-jobmanager", "flink-taskmanager")
# What may be under way at the model when somebody dies or loses its partitions.
IN_FLIGHT = 32
# A member that lost its partitions leaves all that it had done above the committed offset to be done again, at most a window of it.
WINDOW = 10_000
# Rows that the enqueuer sends before it marks them.
BATCH = 500
POINTS = {
    "llm_consumer_service.delivered": "llm-consumer",
    "retry_overload_consumer.delivered": "retry-overload",
    "retry_quota_consumer.delivered": "retry-quota",
    "storage_persister.stored": "storage-persister",
    "storage_persister.cached": "storage-persister",
    "storage_api.enqueued": "storage-api",
}
ORPHANS_GONE_S = 10
# Kafka names its own address to its clients, so that no proxy comes between: the broker stands still instead.
THROUGH_A_PROXY = (
    ("storage-api", "ANSWERLOOP_DATABASE_URL"),
    ("storage-persister", "ANSWERLOOP_DATABASE_URL"),
    ("storage-api", "ANSWERLOOP_REDIS_URL"),
    ("storage-persister", "ANSWERLOOP_REDIS_URL"),
    ("llm-consumer", "ANSWERLOOP_OLLAMA_URL"),
)
_NEIGHBOUR = {"ANSWERLOOP_DATABASE_URL": "postgres", "ANSWERLOOP_REDIS_URL": "redis", "ANSWERLOOP_OLLAMA_URL": "model"}
BAD_WEATHER_S = 12


def matrix() -> dict[str, Fault]:
    """All faults by name, in the order in which they run."""
    return {fault.name: fault for fault in _all()}


def _all() -> Iterator[Fault]:
    yield Fault(name="nothing", strike=lambda _stack, _random: None)
    for program in (*SERVICES, *STORES, *FLINK, "simulator"):
        yield Fault(name=f"kill:{program}", strike=_program(ChaosStack.kill, program), ends=frozenset({program}), repeats=_repeats(program))
    yield Fault(name="kill-each-in-turn", strike=_each_in_turn, ends=frozenset({*SERVICES, "simulator"}), repeats=WINDOW)
    yield Fault(
        name="kill-5-times:flink-taskmanager", strike=_taskmanager_again_and_again, ends=frozenset({"flink-taskmanager"}), repeats=WINDOW
    )
    yield Fault(name="kill:python-worker", strike=_python_worker, repeats=WINDOW)
    yield Fault(
        name="kill-in-checkpoint:flink-jobmanager", strike=_jobmanager_in_a_checkpoint, ends=frozenset({"flink-jobmanager"}), repeats=WINDOW
    )
    for point, program in POINTS.items():
        yield Fault(
            name=f"die-at:{point}",
            strike=partial(_die_at, point),
            strike_after_s=(0.5, 1.5),
            model=_ALL_RETRIED,
            ends=frozenset({program}),
            repeats=_repeats(program),
        )
    for seconds in (10, 60):
        yield Fault(
            name=f"away-{seconds}:kafka", strike=_for(ChaosStack.kill_for, "kafka", seconds), ends=frozenset({"kafka"}), repeats=WINDOW
        )
    for seconds in (14, 45):
        for program in ("kafka", *SERVICES, "flink-taskmanager"):
            yield Fault(
                name=f"stop-{seconds}:{program}",
                strike=_for(ChaosStack.freeze, program, seconds),
                scored=60,
                unscored=4_940,
                rate=1_000,
                strike_after_s=(6.0, 12.0),
                repeats=WINDOW,
            )
    yield Fault(
        name="members:llm-consumer",
        strike=_members_come_and_go,
        scored=60,
        unscored=1_940,
        rate=1_000,
        strike_after_s=(1.0, 3.0),
        repeats=WINDOW,
    )
    yield Fault(name="postgres:backend-crash", strike=_backend_crash)
    yield Fault(name="postgres:terminate", strike=_terminate_connections)
    yield Fault(name="redis:flush", strike=lambda stack, _random: _flush(stack))
    yield Fault(name="redis:out-of-memory", strike=_redis_out_of_memory)
    yield Fault(name="model:mixed", strike=lambda _stack, _random: None, model=_EVERYTHING)
    yield Fault(name="model:burst-of-503", strike=_burst)
    yield Fault(name="model:down", strike=_model_down, repeats=IN_FLIGHT)
    for (program, setting), weather in product(THROUGH_A_PROXY, (Weather.SLOW, Weather.BLACK_HOLE, Weather.RESET)):
        yield Fault(
            name=f"network {weather.value}:{program}-{_NEIGHBOUR[setting]}",
            strike=partial(_network, program, setting, weather),
            strike_after_s=(0.0, 0.5),
            ends=frozenset({program}),
            repeats=IN_FLIGHT,
        )
    yield Fault(name="poison", strike=_poison)
    for group, program in (
        (topics.LLM_CONSUMER, "llm-consumer"),
        (topics.RETRY_OVERLOAD, "retry-overload"),
        (topics.RETRY_QUOTA, "retry-quota"),
        (topics.STORAGE_PERSISTER, "storage-persister"),
    ):
        yield Fault(
            name=f"replay:{group}",
            strike=partial(_rewind, group, program),
            ends=frozenset({program}),
            rewinds=frozenset({group}),
            repeats=WINDOW,
        )


_ALL_RETRIED = {"overload_503": 0.15, "quota_402": 0.15, "retry_after_min_s": 1, "retry_after_max_s": 2}
_EVERYTHING = {
    "overload_503": 0.06,
    "overload_429": 0.04,
    "overload_429_seconds": 0.04,
    "overload_429_date": 0.04,
    "quota_402": 0.04,
    "quota_429": 0.04,
    "error_500": 0.04,
    "truncated": 0.04,
    "done_false": 0.04,
    "empty": 0.04,
    "refused_400": 0.04,
    "model_missing": 0.02,
    "repeat": 0.3,
    "retry_after_min_s": 0,
    "retry_after_max_s": 2,
}


def _repeats(program: str) -> int:
    """Model calls that the death of a program may cost: those whose results it had not handed on, or whose handing on was forgotten."""
    if program in ("llm-consumer", "simulator"):
        return IN_FLIGHT
    return WINDOW if program in ("kafka", *FLINK) else BATCH


def _program(act: Callable[[ChaosStack, str], None], program: str) -> Callable[[ChaosStack, Random], None]:
    return lambda stack, _random: act(stack, program)


def _for(act: Callable[[ChaosStack, str, float], None], program: str, seconds: float) -> Callable[[ChaosStack, Random], None]:
    return lambda stack, _random: act(stack, program, seconds)


def _die_at(point: str, stack: ChaosStack, random: Random) -> None:
    pid = stack.pid(POINTS[point])
    stack.arm(point, random.randint(1, 5))
    stack.until(lambda: stack.pid(POINTS[point]) not in (0, pid), f"{POINTS[point]} is started again")


def _each_in_turn(stack: ChaosStack, _random: Random) -> None:
    for program in (*SERVICES, "simulator"):
        stack.kill(program)


def _taskmanager_again_and_again(stack: ChaosStack, random: Random) -> None:
    for _ in range(5):
        workers = _workers(stack)
        stack.kill("flink-taskmanager")
        _no_orphans(stack, workers)
        time.sleep(random.uniform(0, 4))


def _python_worker(stack: ChaosStack, _random: Random) -> None:
    workers = _workers(stack)
    for worker in workers:
        worker.kill()
    _no_orphans(stack, workers)


def _workers(stack: ChaosStack) -> list[psutil.Process]:
    """The Python processes of the score job."""
    return [process for process in stack.family("flink-taskmanager") if "python" in process.name()]


def _no_orphans(stack: ChaosStack, workers: list[psutil.Process]) -> None:
    stack.until(lambda: not any(worker.is_running() for worker in workers), "the Python workers of the dead end as well", ORPHANS_GONE_S)


def _jobmanager_in_a_checkpoint(stack: ChaosStack, _random: Random) -> None:
    stack.until(lambda: _checkpoint_under_way(stack), "a checkpoint is under way")
    stack.kill("flink-jobmanager")


def _checkpoint_under_way(stack: ChaosStack) -> bool:
    jobs = stack.flink("/jobs")["jobs"]
    assert isinstance(jobs, list)
    for job in jobs:
        counts = stack.flink(f"/jobs/{job['id']}/checkpoints").get("counts", {})
        if isinstance(counts, dict) and counts.get("in_progress"):
            return True
    return False


def _members_come_and_go(stack: ChaosStack, _random: Random) -> None:
    for _ in range(10):
        with stack.another("llm-consumer", ANSWERLOOP_OPS_PORT="0"):
            time.sleep(3)
        time.sleep(3)


def _network(program: str, setting: str, weather: Weather, stack: ChaosStack, _random: Random) -> None:
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


def _backend_crash(stack: ChaosStack, random: Random) -> None:
    """One dead backend makes PostgreSQL end all connections and recover."""
    backends = [process for process in stack.family("postgres")[1:] if "answerloop" in " ".join(process.cmdline())]
    random.choice(backends).kill()


def _terminate_connections(stack: ChaosStack, _random: Random) -> None:
    stack.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = current_user AND pid <> pg_backend_pid()")


def _flush(stack: ChaosStack) -> None:
    stack.redis().flushall()


def _redis_out_of_memory(stack: ChaosStack, _random: Random) -> None:
    client = stack.redis()
    before = client.config_get("maxmemory")["maxmemory"], client.config_get("maxmemory-policy")["maxmemory-policy"]
    client.config_set("maxmemory-policy", "noeviction")
    client.config_set("maxmemory", 1)
    try:
        time.sleep(8)
    finally:
        client.config_set("maxmemory", before[0])
        client.config_set("maxmemory-policy", before[1])


def _play(stack: ChaosStack, **faults: object) -> None:
    httpx.put(f"{stack.settings.ollama_url}/simulator/faults", json=faults, timeout=10, trust_env=False).raise_for_status()


def _burst(stack: ChaosStack, _random: Random) -> None:
    _play(stack, overload_503=0.9)
    time.sleep(4)
    _play(stack)


def _model_down(stack: ChaosStack, _random: Random) -> None:
    _play(stack, down=True)
    time.sleep(10)
    _play(stack)


def _poison(stack: ChaosStack, _random: Random) -> None:
    consumed = [name for name in topics.MESSAGE_OF if name != topics.DEAD_LETTERS]
    stack.produce([(name, value) for name in consumed for value in _poisonous()])


def _poisonous() -> list[bytes | None]:
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


def _rewind(group: str, program: str, stack: ChaosStack, _random: Random) -> None:
    stack.rewind(group, topics.CONSUMED_BY[group], program)
