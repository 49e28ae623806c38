"""The machines of this folder notice when what they guard is broken."""

from collections.abc import Callable
from contextlib import nullcontext

import pytest
from hypothesis.stateful import run_state_machine_as_test

from streaming.llm import consumer, limit
from streaming.llm.consumer import ModelStep
from streaming.llm.gate import Gate
from streaming.llm.limit import InFlightLimit
from streaming.llm.turns import Suspicion, Turns
from streaming.model.outcome import Overloaded, Refused, Unavailable
from tests.unit.llm.limit_machine import LimitMachine
from tests.unit.llm.machine import ModelMachine
from tests.unit.machines import NOTICED, UNSHRUNK

Break = Callable[[pytest.MonkeyPatch], None]


def gate_stays_open(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Gate, "close", lambda self, reason: None)


def gate_stays_closed(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Gate, "_open", lambda self: self._closed.clear())


def gate_opens_whatever_the_probe_finds(patch: pytest.MonkeyPatch) -> None:
    async def unasked(self: ModelStep) -> Overloaded:
        return Overloaded("never asked", "http_503", busy=False)

    patch.setattr(ModelStep, "_probe", unasked)


def gate_stays_open_for_who_is_at_fault(patch: pytest.MonkeyPatch) -> None:
    close, own_fault = Gate.close, Turns.own_fault
    patch.setattr(Gate, "close", lambda self, reason: None if "connection lost" in reason else close(self, reason))

    def closing_late(self: Turns, suspicion: Suspicion, outcome: Unavailable, alone: bool) -> Overloaded | Refused | None:
        found = own_fault(self, suspicion, outcome, alone)
        if found is None:
            close(self._gate, "connection lost")
        return found

    patch.setattr(Turns, "own_fault", closing_late)


def all_go_at_once_after_a_reset(patch: pytest.MonkeyPatch) -> None:
    async def unordered(self: Turns, *_: object) -> bool:
        await self._gate.opened()
        return False

    patch.setattr(Turns, "_wait", unordered)


def who_was_reset_beside_others_is_charged(patch: pytest.MonkeyPatch) -> None:
    own_fault = Turns.own_fault
    patch.setattr(Turns, "own_fault", lambda self, suspicion, outcome, alone: own_fault(self, suspicion, outcome, True))


def a_first_reset_is_charged(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Turns, "own_fault", lambda self, suspicion, outcome, alone: outcome.own_fault)


def who_kills_the_model_circles(patch: pytest.MonkeyPatch) -> None:
    own_fault = Turns.own_fault
    patch.setattr(Turns, "own_fault", lambda self, suspicion, outcome, alone: own_fault(self, suspicion, outcome, False))


def who_is_refused_whenever_it_is_asked_circles(patch: pytest.MonkeyPatch) -> None:
    own_fault = Turns.own_fault

    def of_killers_alone(self: Turns, suspicion: Suspicion, outcome: Unavailable, alone: bool) -> Overloaded | Refused | None:
        killed = isinstance(outcome.own_fault, Overloaded)
        return own_fault(self, suspicion, outcome if killed else Unavailable(outcome.message), alone)

    patch.setattr(Turns, "own_fault", of_killers_alone)


def a_suspicion_outlives_its_question(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Turns, "suspicion", lambda self: nullcontext(Suspicion()))


def a_place_is_never_given_back(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(consumer._Place, "leave", lambda self: None)


def a_place_is_given_back_by_the_task_alone(patch: pytest.MonkeyPatch) -> None:
    process = ModelStep._process

    def take(self: ModelStep, record: object, done: object) -> None:
        place = consumer._Place(self)
        self._tasks.start(record.source, process(self, record, place, done))  # type: ignore[attr-defined, arg-type]

    patch.setattr(ModelStep, "take", take)


def what_waits_for_its_turn_is_not_left(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Turns, "cancel_waiting", lambda self, partitions: None)


def the_limit_is_not_asked(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(ModelStep, "ready", lambda self: not self._turns.must_wait)


@pytest.mark.parametrize(
    "breaking",
    [
        gate_stays_open,
        gate_stays_closed,
        gate_opens_whatever_the_probe_finds,
        gate_stays_open_for_who_is_at_fault,
        all_go_at_once_after_a_reset,
        who_was_reset_beside_others_is_charged,
        a_first_reset_is_charged,
        who_kills_the_model_circles,
        who_is_refused_whenever_it_is_asked_circles,
        a_suspicion_outlives_its_question,
        a_place_is_never_given_back,
        a_place_is_given_back_by_the_task_alone,
        what_waits_for_its_turn_is_not_left,
        the_limit_is_not_asked,
    ],
)
def test_the_machine_of_the_model_consumer_notices(breaking: Break, monkeypatch: pytest.MonkeyPatch) -> None:
    breaking(monkeypatch)
    with pytest.raises(NOTICED):
        run_state_machine_as_test(ModelMachine, settings=UNSHRUNK)


def failures_raise_the_limit(patch: pytest.MonkeyPatch) -> None:
    end = InFlightLimit.end
    patch.setattr(InFlightLimit, "end", lambda self, ticket, **account: end(self, ticket, **{"answered": True, **account}))


def the_maximum_is_passed(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(limit, "min", lambda value, most: value, raising=False)


def the_limit_falls_to_nothing(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(limit, "max", lambda value, least: value, raising=False)


def a_limit_that_is_not_used_is_raised(patch: pytest.MonkeyPatch) -> None:
    end = InFlightLimit.end

    def as_if_full(self: InFlightLimit, ticket: int, **account: object) -> None:
        under_way, self.in_flight = self.in_flight, 10**6
        end(self, ticket, **account)  # type: ignore[arg-type]
        self.in_flight = under_way - 1

    patch.setattr(InFlightLimit, "end", as_if_full)


def an_overload_is_overlooked(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(InFlightLimit, "_decrease", lambda self, factor: None)


def a_call_is_never_counted_off(patch: pytest.MonkeyPatch) -> None:
    end = InFlightLimit.end

    def staying(self: InFlightLimit, ticket: int, **account: object) -> None:
        end(self, ticket, **account)  # type: ignore[arg-type]
        self.in_flight += 1

    patch.setattr(InFlightLimit, "end", staying)


@pytest.mark.parametrize(
    "breaking",
    [
        failures_raise_the_limit,
        the_maximum_is_passed,
        the_limit_falls_to_nothing,
        a_limit_that_is_not_used_is_raised,
        an_overload_is_overlooked,
        a_call_is_never_counted_off,
    ],
)
def test_the_machine_of_the_limit_notices(breaking: Break, monkeypatch: pytest.MonkeyPatch) -> None:
    breaking(monkeypatch)
    with pytest.raises(NOTICED):
        run_state_machine_as_test(LimitMachine, settings=UNSHRUNK)
