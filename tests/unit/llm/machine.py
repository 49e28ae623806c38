"""The model consumer's step under everything that may happen to it, in any order.

Questions, some of which kill the server and some of which it refuses; calls that end in any order; a server that goes away, refuses, resets
or is busy; partitions that leave. What must hold is asked of a log of what the server saw.
"""

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from streaming import topics
from streaming.clock import ManualClock
from streaming.contracts import decode, encode
from streaming.kafka.client import Record, TopicPartition
from streaming.kafka.memory import MemoryBroker
from streaming.llm.consumer import Asking, ModelStep
from streaming.llm.gate import LONGEST_PAUSE_S
from streaming.llm.limit import InFlightLimit
from streaming.model.server import Failure, NoReply, Reply
from streaming.retry_policy import Budget
from tests.unit.llm.loop import REFUSED, RESET, answer, error, question
from tests.unit.machines import told

START = datetime(2026, 11, 23, 12, 0, 0, tzinfo=UTC)
MOST, PARTITIONS = 6, 2
BUSY = error(503, "server busy")
REFUSALS = [error(401), error(308)]
WAYS_TO_BE_AWAY = [REFUSED, RESET, *REFUSALS, error(404), NoReply(Failure.CANNOT_CONNECT, "no such host")]


def kind_of(reply: Reply | NoReply | None) -> str | None:
    """Replies that a question may be the reason of, by what it is charged with then."""
    if reply is RESET:
        return topics.OVERLOAD
    return topics.FATAL if reply in REFUSALS else None


@dataclass(eq=False)
class Seen:
    """A call as the server saw it."""

    text: str
    probes_passed: int
    beside_suspects: bool
    ends: asyncio.Future[Reply | NoReply]
    alone: bool
    reply: Reply | NoReply | None = None


@dataclass
class Asked:
    """A question, and what was truly done with it."""

    record: Record
    kills: bool
    refused: Reply | None
    calls: list[Seen] = field(default_factory=list)
    taken: bool = False
    done: bool = False


class Server:
    """Ends calls when the machine says so, and asks of each call whether it may begin."""

    def __init__(self) -> None:
        self.asked: dict[str, Asked] = {}
        self.away: Reply | NoReply | None = None
        self.in_flight: list[Seen] = []
        self.suspects: set[str] = set()
        self.probes_passed = 0
        self.unavailable = False

    async def __aenter__(self) -> "Server":
        return self

    async def __aexit__(self, *_: object) -> None:
        pass

    async def generate(self, model: str, question_text: str, retry_count: int) -> Reply | NoReply:
        assert not self.unavailable, "no question goes to a model that is unavailable before a probe has passed"
        call = Seen(question_text, self.probes_passed, bool(self.suspects), asyncio.Future(), alone=not self.in_flight)
        if call.beside_suspects:
            assert not any(other.beside_suspects for other in self.in_flight), "while there are suspects, calls begin one by one"
        for other in self.in_flight:
            other.alone = False
        self.in_flight.append(call)
        assert len(self.in_flight) <= MOST, "calls in flight are bounded"
        asked = self.asked[question_text]
        asked.calls.append(call)
        if at_once := self.away or asked.refused:
            call.ends.set_result(at_once)
        try:
            call.reply = await call.ends
        finally:
            self.in_flight.remove(call)
        at_fault = self.at_fault(question_text)
        if at_fault or call.reply not in WAYS_TO_BE_AWAY:
            self.suspects.discard(question_text)
        elif kind_of(call.reply):
            self.suspects.add(question_text)
        # A server that refuses one question is there for the others; one that a question killed is not.
        self.unavailable |= call.reply in WAYS_TO_BE_AWAY and not (at_fault and call.reply in REFUSALS)
        return call.reply

    def at_fault(self, text: str) -> bool:
        """Whether the question's last call was refused alone, and one before it in the same way, with a probe that passed between them."""
        *before, last = self.asked[text].calls
        kind = kind_of(last.reply)
        same = [call.probes_passed for call in before if kind and kind_of(call.reply) == kind]
        return last.alone and bool(same) and last.probes_passed > same[0]

    async def probe(self, model: str) -> Reply | NoReply:
        if self.away is not None:
            return self.away
        self.probes_passed += 1
        self.unavailable = False
        return answer()

    def end(self, call: Seen, reply: Reply | NoReply) -> None:
        if not call.ends.done():
            call.ends.set_result(reply)


class ModelMachine(RuleBasedStateMachine):
    """Holds the step, the server and what is to be answered."""

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.clock = ManualClock(START)
        self.broker = MemoryBroker()
        for spec in topics.TOPICS:
            self.broker.create(spec.name, 1)
        self.server = Server()
        self.read: Counter[str] = Counter()
        self.reported: Counter[str] = Counter()
        self.task: asyncio.Task[None] | None = None

    @initialize(limit=st.integers(1, MOST))
    def start(self, limit: int) -> None:
        self.runner.run(self._start(limit))

    async def _start(self, limit: int) -> None:
        self.limit = InFlightLimit(limit, MOST)
        self.step = ModelStep(self.server, self.limit, Asking("configured", Budget.SHARED), self.broker.producer(), self.clock)  # type: ignore[arg-type]
        self.task = told(asyncio.create_task(self.step.run()))
        await self._settle()

    async def _settle(self) -> None:
        """Let everything run that can, hand over what the step takes, and see what became of it."""
        for _ in range(4):
            await self.clock.advance(0)
            for asked in self.server.asked.values():
                if not asked.taken and not asked.done and self.step.ready():
                    self._take(asked)
        self._look()
        assert self.task is not None
        if self.task.done():
            self.task.result()

    def _take(self, asked: Asked) -> None:
        asked.taken = True
        self.step.take(asked.record, partial(setattr, asked, "done", True))

    def do(self, work: Callable[[], None]) -> None:
        async def doing() -> None:
            work()
            await self._settle()

        self.runner.run(doing())

    @rule(count=st.integers(1, 6), kills=st.sampled_from([False, False, True]), partition=st.integers(0, PARTITIONS - 1))
    def ask(self, count: int, kills: bool, partition: int) -> None:
        """A killer comes alone, others in crowds; the next step hands them over."""
        for _ in range(1 if kills else count):
            self._ask("killer" if kills else "question", partition, kills, None)

    @rule(count=st.integers(1, 3), refused=st.sampled_from(REFUSALS), partition=st.integers(0, PARTITIONS - 1))
    def ask_what_is_refused(self, count: int, refused: Reply, partition: int) -> None:
        for _ in range(count):
            self._ask("refused", partition, False, refused)

    def _ask(self, what: str, partition: int, kills: bool, refused: Reply | None) -> None:
        text = f"{what} {len(self.server.asked)}"
        record = Record(topics.PENDING, partition, len(self.server.asked), b"k", encode(question(text)), 0)
        self.server.asked[text] = Asked(record, kills, refused)

    @precondition(lambda self: self.server.in_flight)
    @rule(place=st.integers(0, MOST - 1), busy=st.booleans(), spared=st.integers(0, MOST))
    def end_a_call(self, place: int, busy: bool, spared: int) -> None:
        """A killer takes all others along, but for those that are at another server behind the same address."""
        call = self.server.in_flight[place % len(self.server.in_flight)]
        self.do(lambda: self._end(call, BUSY if busy else answer(call.text), spared))

    def _end(self, call: Seen, reply: Reply | NoReply, spared: int = 0) -> None:
        if self.server.asked[call.text].kills:
            for other in [other for other in self.server.in_flight if other is not call][spared:]:
                self.server.end(other, RESET)
        self.server.end(call, RESET if self.server.asked[call.text].kills else reply)

    @precondition(lambda self: self.server.away is None)
    @rule(away=st.sampled_from(WAYS_TO_BE_AWAY), at_once=st.booleans())
    def the_server_goes_away(self, away: Reply | NoReply, at_once: bool) -> None:
        """With all its connections, or letting them end."""

        def work() -> None:
            self.server.away = away
            for call in list(self.server.in_flight) if at_once else []:
                self.server.end(call, RESET)

        self.do(work)

    @precondition(lambda self: self.server.away is not None)
    @rule()
    def the_server_comes_back(self) -> None:
        self.server.away = None

    @rule(seconds=st.sampled_from([0.5, 1.0, 3.0, LONGEST_PAUSE_S]))
    def pass_time(self, seconds: float) -> None:
        self.runner.run(self._pass_time(seconds))

    async def _pass_time(self, seconds: float) -> None:
        await self.clock.advance(seconds)
        await self._settle()

    @rule(partition=st.integers(0, PARTITIONS - 1), lost=st.booleans())
    def a_partition_leaves_and_comes_back(self, partition: int, lost: bool) -> None:
        self.runner.run(self._leave(TopicPartition(topics.PENDING, partition), lost))

    @rule(partition=st.integers(0, PARTITIONS - 1))
    def a_partition_leaves_in_the_turn_in_which_its_records_are_taken(self, partition: int) -> None:
        place = TopicPartition(topics.PENDING, partition)

        async def work() -> None:
            for asked in self.server.asked.values():
                if asked.record.source == place and not asked.taken and self.step.ready():
                    self._take(asked)
            await self._leave(place, lost=True)

        self.runner.run(work())

    async def _leave(self, place: TopicPartition, lost: bool) -> None:
        if not lost:
            quiescing = asyncio.ensure_future(self.step.quiesce({place}))
            for _ in range(20):
                await asyncio.sleep(0)
            calling = {call.text for call in self.server.in_flight}
            waiting = [text for text, asked in self.server.asked.items() if asked.record.source == place and text in calling]
            assert waiting or quiescing.done(), "what waits for its turn does not hold up a partition that leaves"
            quiescing.cancel()
        self._look()
        self.step.drop({place})
        for _ in range(20):
            await asyncio.sleep(0)
        for text, asked in self.server.asked.items():
            if asked.record.source == place and not asked.done:
                asked.taken = False
                asked.calls.clear()
                self.server.suspects.discard(text)
        await self._settle()

    def _look(self) -> None:
        """What the step reported, against what the server saw."""
        for topic in (topics.SUCCESS, topics.OVERLOAD, topics.FATAL):
            records = self.broker.records(topic)
            for record in records[self.read[topic] :]:
                message = decode(topics.MESSAGE_OF[topic], record.value)
                self._check(message.question_text, topic)
            self.read[topic] = len(records)
        for topic in (topics.QUOTA, topics.DEAD_LETTERS):
            assert not self.broker.records(topic), "nobody is told of a quota, and nothing is buried"
        for text, asked in self.server.asked.items():
            assert asked.done == (self.reported[text] == 1), "a question is done once it is reported, and is reported once"

    def _check(self, text: str, topic: str) -> None:
        self.reported[text] += 1
        last = self.server.asked[text].calls[-1]
        if topic == topics.SUCCESS:
            assert last.reply not in (None, BUSY, *WAYS_TO_BE_AWAY), "only an answer is a success"
        elif last.reply is not BUSY:
            assert kind_of(last.reply) == topic, "a model that is away charges nobody"
            assert self.server.at_fault(text), "a refusal is charged to who met it alone, a second time, after a probe"

    def teardown(self) -> None:
        try:
            if self.task is not None:
                self.server.away = None
                asked = self.server.asked
                for _ in range(20 + 8 * len(asked)):
                    for call in list(self.server.in_flight):
                        self.do(partial(self._end, call, answer(call.text)))
                    self.pass_time(LONGEST_PAUSE_S)
                    if all(each.done for each in asked.values()):
                        break
                assert all(each.done for each in asked.values()), "in the end every question is reported"
                assert self.limit.in_flight == 0, "no call is counted that has ended"
                assert self.step._calling == 0, "every place is given back"
                assert self.step.ready(), "the next question may come"
                self.task.cancel()
        finally:
            self.runner.close()
