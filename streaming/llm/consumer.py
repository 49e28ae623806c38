"""The model consumer: takes pending questions, calls the model, reports what came of each call."""

import asyncio
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import get_args

from streaming import metrics, topics
from streaming.clock import Clock
from streaming.contracts import INVALID_MESSAGE, Question, decode
from streaming.errors import InvalidMessage, RecordTooLarge
from streaming.kafka.client import Producer, Record, TopicPartition
from streaming.kafka.tasks import RecordTasks, bury_for_good, deliver
from streaming.llm.gate import Gate
from streaming.llm.limit import InFlightLimit
from streaming.llm.messages import Call, name_of, report
from streaming.llm.turns import Turns
from streaming.model.outcome import Outcome, Overloaded, Refused, Unavailable, outcome_of
from streaming.model.server import ModelServer, Success
from streaming.model.servers import model_server
from streaming.retry_policy import CEILINGS, Budget, within_ceiling
from streaming.service import run_service
from streaming.settings import Settings

# Results that Kafka has not acknowledged yet: past this many, no further question is taken.
UNDELIVERED_MOST = 500


@dataclass(frozen=True)
class Asking:
    """What the consumer asks and how often."""

    model: str
    budget: Budget


class ModelStep:
    """Many calls in flight, bounded by the limit; none is begun while the gate is closed."""

    def __init__(self, server: ModelServer, limit: InFlightLimit, asking: Asking, producer: Producer, clock: Clock) -> None:
        self._server = server
        self._limit = limit
        self._asking = asking
        self._producer = producer
        self._clock = clock
        self._gate = Gate(self._probe, clock)
        self._turns = Turns(self._gate)
        self._tasks = RecordTasks()
        self._calling = 0
        self._leaving: set[TopicPartition] = set()
        metrics.MODEL_LIMIT.set(limit.limit)
        for kind in get_args(Outcome):
            metrics.MODEL_CALLS.labels(name_of(kind), asking.model)
            metrics.MODEL_LATENCY.labels(name_of(kind))

    def ready(self) -> bool:
        """Whether a further call may begin now."""
        return not self._turns.must_wait and self._calling < self._limit.limit and len(self._tasks) < UNDELIVERED_MOST

    def take(self, record: Record, done: Callable[[], None]) -> None:
        """Ask the record's question."""
        place = _Place(self)
        # A task that is cancelled before its first step runs no `finally`.
        self._tasks.start(record.source, self._process(record, place, done)).add_done_callback(lambda _: place.leave())

    async def quiesce(self, partitions: Collection[TopicPartition]) -> None:
        """Let calls under way end; what waits for its turn is left to the next member."""
        self._leaving |= set(partitions)
        self._turns.cancel_waiting(partitions)
        await self._tasks.finish(partitions)

    def drop(self, partitions: Collection[TopicPartition]) -> None:
        """Cancel the calls, which frees their slots at the model."""
        self._tasks.cancel(partitions)
        self._leaving -= set(partitions)

    async def run(self) -> None:
        """Probe while the gate is closed."""
        async with self._server:
            await asyncio.gather(self._gate.run(), self._tasks.failed())

    def problems(self) -> Mapping[str, str]:
        """Why the gate is closed."""
        return {"model": self._gate.reason} if self._gate.reason else {}

    async def _process(self, record: Record, place: "_Place", done: Callable[[], None]) -> None:
        try:
            try:
                question = self._read(record)
                call = await self._answer(question, record.source)
            finally:
                place.leave()
            if call is None:
                return
            topic, message = report(question, call)
            await deliver(self._producer, self._clock, topic, lambda: message)
        except (InvalidMessage, RecordTooLarge) as err:
            await bury_for_good(self._producer, topics.LLM_CONSUMER, record, INVALID_MESSAGE, str(err), self._clock)
        done()

    def _read(self, record: Record) -> Question:
        question = decode(Question, record.value)
        if not within_ceiling(self._asking.budget, question.retry_count):
            raise InvalidMessage(
                f"`retry_count` is {question.retry_count}; at most {CEILINGS[self._asking.budget]} retries exist under the retry budget "
                f"`{self._asking.budget}`"
            )
        return question

    async def _answer(self, question: Question, partition: TopicPartition) -> Call | None:
        """The call that counts, however often the model was unavailable before it; None where the partition goes away first."""
        with self._turns.suspicion() as suspicion:
            while not (self._turns.must_wait and partition in self._leaving):
                async with self._turns.turn(partition, suspicion) as alone:
                    model = question.requested_model or self._asking.model
                    started_at, began = self._clock.now(), self._clock.monotonic()
                    outcome = await self._call(model, question)
                    elapsed_s = self._clock.monotonic() - began
                if isinstance(outcome, Unavailable):
                    # A question that kills the model, or is refused whenever it is asked, must not circle.
                    own_fault = self._turns.own_fault(suspicion, outcome, alone)
                    if not isinstance(own_fault, Refused):
                        # Also where the question is at fault: its neighbours must not find the server that it has just killed.
                        self._gate.close(outcome.message)
                    if own_fault is None:
                        continue
                    outcome = own_fault
                return Call(model, started_at, self._clock.now(), elapsed_s * 1000, outcome)
        return None

    async def _call(self, model: str, question: Question) -> Outcome:
        ticket, began = self._limit.begin(), self._clock.monotonic()
        metrics.MODEL_IN_FLIGHT.set(self._limit.in_flight)
        outcome: Outcome | None = None
        try:
            result = await self._server.generate(model, question.question_text, question.retry_count)
            outcome = outcome_of(result, self._clock.now(), requested_other_model=model != self._asking.model)
        finally:
            match outcome:
                case Success(queue_wait_s=wait_s, service_s=service_s):
                    self._limit.end(ticket, answered=True, wait_s=wait_s, service_s=service_s)
                case Overloaded(busy=True):
                    self._limit.end(ticket, overloaded=True)
                case _:
                    self._limit.end(ticket)
            metrics.MODEL_IN_FLIGHT.set(self._limit.in_flight)
            metrics.MODEL_LIMIT.set(self._limit.limit)
        metrics.MODEL_CALLS.labels(name_of(type(outcome)), self._model_label(outcome, model)).inc()
        metrics.MODEL_LATENCY.labels(name_of(type(outcome))).observe(self._clock.monotonic() - began)
        return outcome

    def _model_label(self, outcome: Outcome, model: str) -> str:
        """Names that people type into requests must not become time series; those of models that answered may."""
        if isinstance(outcome, Success) and outcome.model:
            return outcome.model
        return model if model == self._asking.model else "other"

    async def _probe(self) -> Outcome:
        return outcome_of(await self._server.probe(self._asking.model), self._clock.now(), requested_other_model=False)


class _Place:
    """A place among the calls under way; given back once."""

    def __init__(self, step: ModelStep) -> None:
        self._step: ModelStep | None = step
        step._calling += 1

    def leave(self) -> None:
        if self._step is not None:
            self._step._calling -= 1
            self._step = None


async def run(settings: Settings) -> None:
    """Run the service until it is told to stop."""

    def build(producer: Producer, clock: Clock) -> ModelStep:
        limit = InFlightLimit(settings.model_in_flight, settings.model_in_flight_max)
        return ModelStep(model_server(settings), limit, Asking(settings.model, settings.retry_budget), producer, clock)

    await run_service(settings, topics.LLM_CONSUMER, build)
