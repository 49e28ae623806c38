"""The matrix: every fault by its name."""

from collections.abc import Iterator
from functools import partial
from itertools import product

from streaming import topics
from tests.chaos import strikes
from tests.chaos.proxy import Weather
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
# Kafka names its own address to its clients, so that no proxy comes between: the broker stands still instead.
THROUGH_A_PROXY = (
    ("storage-api", "ANSWERLOOP_DATABASE_URL"),
    ("storage-persister", "ANSWERLOOP_DATABASE_URL"),
    ("storage-api", "ANSWERLOOP_REDIS_URL"),
    ("storage-persister", "ANSWERLOOP_REDIS_URL"),
    ("llm-consumer", "ANSWERLOOP_OLLAMA_URL"),
)
_NEIGHBOUR = {"ANSWERLOOP_DATABASE_URL": "postgres", "ANSWERLOOP_REDIS_URL": "redis", "ANSWERLOOP_OLLAMA_URL": "model"}


def matrix() -> dict[str, Fault]:
    """All faults by name, in the order in which they run."""
    return {fault.name: fault for fault in _all()}


def _all() -> Iterator[Fault]:
    yield Fault(name="nothing", strike=strikes.nothing)
    for program in (*SERVICES, *STORES, *FLINK, "simulator"):
        yield Fault(
            name=f"kill:{program}", strike=strikes.of(ChaosStack.kill, program), ends=frozenset({program}), repeats=_repeats(program)
        )
    yield Fault(
        name="kill-each-in-turn",
        strike=partial(strikes.each_in_turn, (*SERVICES, "simulator")),
        ends=frozenset({*SERVICES, "simulator"}),
        repeats=WINDOW,
    )
    yield Fault(
        name="kill-5-times:flink-taskmanager",
        strike=strikes.taskmanager_again_and_again,
        ends=frozenset({"flink-taskmanager"}),
        repeats=WINDOW,
    )
    yield Fault(name="kill:python-worker", strike=strikes.python_worker, repeats=WINDOW)
    yield Fault(
        name="kill-in-checkpoint:flink-jobmanager",
        strike=strikes.jobmanager_in_a_checkpoint,
        ends=frozenset({"flink-jobmanager"}),
        repeats=WINDOW,
    )
    for point, program in POINTS.items():
        yield Fault(
            name=f"die-at:{point}",
            strike=partial(strikes.die_at, point, program),
            strike_after_s=(0.5, 1.5),
            model=_ALL_RETRIED,
            ends=frozenset({program}),
            repeats=_repeats(program),
        )
    for seconds in (10, 60):
        yield Fault(
            name=f"away-{seconds}:kafka",
            strike=strikes.lasting(ChaosStack.kill_for, "kafka", seconds),
            ends=frozenset({"kafka"}),
            repeats=WINDOW,
        )
    for seconds in (14, 45):
        for program in ("kafka", *SERVICES, "flink-taskmanager"):
            yield Fault(
                name=f"stop-{seconds}:{program}",
                strike=strikes.lasting(ChaosStack.freeze, program, seconds),
                scored=60,
                unscored=4_940,
                rate=1_000,
                strike_after_s=(6.0, 12.0),
                repeats=WINDOW,
            )
    yield Fault(
        name="members:llm-consumer",
        strike=strikes.members_come_and_go,
        scored=60,
        unscored=1_940,
        rate=1_000,
        strike_after_s=(1.0, 3.0),
        repeats=WINDOW,
    )
    yield Fault(name="postgres:backend-crash", strike=strikes.backend_crash, repeats=BATCH)
    yield Fault(name="postgres:terminate", strike=strikes.terminate_connections, repeats=BATCH)
    yield Fault(name="redis:flush", strike=strikes.flush)
    yield Fault(name="redis:out-of-memory", strike=strikes.redis_out_of_memory)
    yield Fault(name="model:mixed", strike=strikes.nothing, model=_EVERYTHING)
    yield Fault(name="model:burst-of-503", strike=strikes.burst)
    yield Fault(name="model:down", strike=strikes.model_down, repeats=IN_FLIGHT)
    for (program, setting), weather in product(THROUGH_A_PROXY, (Weather.SLOW, Weather.BLACK_HOLE, Weather.RESET)):
        yield Fault(
            name=f"network {weather.value}:{program}-{_NEIGHBOUR[setting]}",
            strike=partial(strikes.network, program, setting, weather),
            strike_after_s=(0.0, 0.5),
            ends=frozenset({program}),
            repeats=IN_FLIGHT,
        )
    # Ten times what eight slots of 150 ms take.
    yield Fault(name="overload-10x-for-20-s", strike=strikes.nothing, scored=60, unscored=9_940, rate=500)
    yield Fault(name="poison", strike=strikes.poison)
    for group, program in (
        (topics.LLM_CONSUMER, "llm-consumer"),
        (topics.RETRY_OVERLOAD, "retry-overload"),
        (topics.RETRY_QUOTA, "retry-quota"),
        (topics.STORAGE_PERSISTER, "storage-persister"),
    ):
        yield Fault(
            name=f"replay:{group}",
            strike=partial(strikes.rewind, group, program),
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
