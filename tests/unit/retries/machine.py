"""A retry consumer's step under everything that may happen to it, in any order.

Errors, time, clocks that are set, restarts, lost partitions, a Kafka that is away; what must hold is asked after every step.
"""

import asyncio
from collections import Counter
from datetime import UTC, datetime, timedelta
from functools import partial
from uuid import UUID

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from streaming import topics
from streaming.clock import ManualClock
from streaming.contracts import Overload, Question, decode, encode
from streaming.kafka.client import Record, TopicPartition
from streaming.kafka.memory import MemoryBroker
from streaming.kafka.tasks import DELIVER_AGAIN_S
from streaming.retries import rules
from streaming.retries.consumer import LOOK_EVERY_S, RetryStep
from streaming.retry_policy import JITTER, Budget
from tests.unit.machines import told

START = datetime(2026, 11, 23, 12, 0, 0, tzinfo=UTC)
PARTITIONS = 3
TOLERANCE_S = 0.001


class Waiting:
    """An error and what is truly known of it: when it happened, by which setting of the wall clock, and when it was last read."""

    def __init__(self, record: Record, delay_s: float, happened: float, zero: datetime) -> None:
        self.record = record
        self.delay_s = delay_s
        self.happened = happened
        self.zero = zero
        self.read: float | None = None
        self.done = False


class RetryMachine(RuleBasedStateMachine):
    """Holds the step, the clock, and what must come back."""

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.clock = ManualClock(START)
        self.broker = MemoryBroker()
        self.broker.create(topics.PENDING, 1)
        self.broker.create(topics.FATAL, 1)
        self.errors: dict[UUID, Waiting] = {}
        self.seen = 0
        self.back: Counter[UUID] = Counter()
        self.reachable_since = 0.0
        self.task: asyncio.Task[None] | None = None

    @initialize()
    def start(self) -> None:
        self.runner.run(self._start())

    async def _start(self) -> None:
        self.step = RetryStep(rules.OVERLOAD, Budget.SHARED, self.broker.producer(), self.clock)
        self.task = told(asyncio.create_task(self.step.run()))
        self.zeros = [self.zero]
        await self._settle()

    async def _settle(self) -> None:
        for _ in range(3):
            await self.clock.advance(0)
        assert self.task is not None
        if self.task.done():
            self.task.result()

    @property
    def zero(self) -> datetime:
        """How the wall clock is set: what it would have said at the beginning."""
        return self.clock.now() - timedelta(seconds=self.clock.monotonic())

    @rule(
        count=st.integers(0, 2),
        retry_after=st.none() | st.sampled_from([0.5, 3.0, 20.0, 1e6]),
        ahead_s=st.sampled_from([0.0, 0.0, 0.0, 5.0, 1e9]),
        partition=st.integers(0, PARTITIONS - 1),
        read=st.booleans(),
    )
    def fail(self, count: int, retry_after: float | None, ahead_s: float, partition: int, read: bool) -> None:
        """An error happens now, its timestamp is right or ahead; it is read at once or later."""
        error = Overload(
            question_id=UUID(int=len(self.errors) + 1),  # the jitter follows from it: a run repeats
            question_text="Why?",
            retry_count=count,
            error_type="overload",
            error_message="busy",
            timestamp=self.clock.now() + timedelta(seconds=ahead_s),
            retry_after_seconds=retry_after,
        )
        record = Record(topics.OVERLOAD, partition, len(self.errors), b"k", encode(error), 0)
        delay_s = max(2.0 ** (count + 1), min(retry_after or 0.0, 300.0))
        self.errors[error.question_id] = Waiting(record, delay_s, self.clock.monotonic(), self.zero)
        if read:
            self.read()

    @rule()
    def read(self) -> None:
        self.runner.run(self._read())

    async def _read(self) -> None:
        for waiting in self.errors.values():
            if waiting.read is None and not waiting.done:
                waiting.read = self.clock.monotonic()
                self.step.take(waiting.record, partial(setattr, waiting, "done", True))
        await self._settle()

    @rule(seconds=st.sampled_from([0.1, 1.0, 1.99, 2.0, 2.6, 5.0, 9.0, 60.0]))
    def pass_time(self, seconds: float) -> None:
        self.runner.run(self._pass_time(seconds))

    async def _pass_time(self, seconds: float) -> None:
        await self.clock.advance(seconds)
        await self._settle()

    @rule(seconds=st.sampled_from([-1e9, -10_800.0, -2.0, 2.0, 60.0, 10_800.0, 1e9]) | st.floats(-20_000, 20_000))
    def set_wall_clock(self, seconds: float) -> None:
        self.clock.set_wall(
            min(max(self.clock.now() + timedelta(seconds=seconds), datetime(1970, 1, 1, tzinfo=UTC)), START.replace(year=2200))
        )
        self.zeros.append(self.zero)
        self.pass_time(LOOK_EVERY_S)

    @rule()
    def kill_and_start(self) -> None:
        assert self.task is not None
        self.task.cancel()
        self.step.drop([TopicPartition(topics.OVERLOAD, partition) for partition in range(PARTITIONS)])
        for waiting in self.errors.values():
            waiting.read = None
        self.start()
        self.read()

    @rule(partition=st.integers(0, PARTITIONS - 1))
    def lose_a_partition_and_get_it_back(self, partition: int) -> None:
        place = TopicPartition(topics.OVERLOAD, partition)
        self.runner.run(self._lose(place))
        for waiting in self.errors.values():
            if waiting.record.source == place and not waiting.done:
                waiting.read = None
        self.read()

    async def _lose(self, place: TopicPartition) -> None:
        self.step.drop([place])
        await self._settle()

    @precondition(lambda self: not self.broker.away)
    @rule()
    def kafka_goes_away(self) -> None:
        self.broker.away = True

    @precondition(lambda self: self.broker.away)
    @rule()
    def kafka_comes_back(self) -> None:
        self.broker.away = False
        self.reachable_since = self.clock.monotonic()

    @invariant()
    def nothing_is_early_late_or_twice(self) -> None:
        now = self.clock.monotonic()
        records = self.broker.records(topics.PENDING)
        for record in records[self.seen :]:
            waiting = self.errors[decode(Question, record.value).question_id]
            # What happened before the process began, by an earlier setting of the wall clock, it cannot tell from something older.
            if waiting.zero >= min(self.zeros) - timedelta(seconds=TOLERANCE_S):
                assert now - waiting.happened >= waiting.delay_s - TOLERANCE_S, "a retry is early"
            self.back[decode(Question, record.value).question_id] += 1
        self.seen = len(records)
        assert set(self.back.values()) <= {1}, "a question comes back once"
        for question_id, waiting in self.errors.items():
            assert waiting.done == (question_id in self.back), "an error is done if, and only if, its question is back"
            if waiting.read is not None and not waiting.done and not self.broker.away:
                latest = max(waiting.read + waiting.delay_s * (1 + JITTER), self.reachable_since + DELIVER_AGAIN_S)
                assert now <= latest + TOLERANCE_S, "a retry hangs"
        assert not self.broker.records(topics.FATAL)

    def teardown(self) -> None:
        try:
            if self.task is not None:
                if self.broker.away:
                    self.kafka_comes_back()
                self.read()
                for _ in range(4):
                    self.pass_time(100.0)
                self.nothing_is_early_late_or_twice()
                assert set(self.back) == set(self.errors), "in the end every question is back"
                assert self.step._waiting_bytes == 0, "what has gone is not counted as waiting"
                self.task.cancel()
        finally:
            self.runner.close()
