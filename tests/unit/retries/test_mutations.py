"""The machine of this folder notices when what it guards is broken."""

import heapq
from collections.abc import Callable

import pytest
from hypothesis.stateful import run_state_machine_as_test

from streaming import retry_policy
from streaming.kafka.tasks import RecordTasks
from streaming.retries import rules
from streaming.retries.consumer import RetryStep
from streaming.retries.heap import DueHeap
from streaming.retries.reckoning import Reckoning
from tests.unit.machines import NOTICED, UNSHRUNK
from tests.unit.retries.machine import RetryMachine

Break = Callable[[pytest.MonkeyPatch], None]


def heap_hands_out_what_is_not_due(patch: pytest.MonkeyPatch) -> None:
    pop_due = DueHeap.pop_due
    patch.setattr(DueHeap, "pop_due", lambda self, now, most: pop_due(self, now + 0.5, most))


def heap_hands_out_twice(patch: pytest.MonkeyPatch) -> None:
    def without_taking_out(self: DueHeap[object], now: float, most: int) -> list[tuple[float, object]]:
        due = [(due, item) for due, _, item in self._heap if due <= now]
        for entry in [entry for entry in self._heap if entry[0] <= now]:
            self._heap.remove(entry)
            heapq.heappush(self._heap, (entry[0] + 5, *entry[1:]))
        return due

    patch.setattr(DueHeap, "pop_due", without_taking_out)


def heap_forgets_all_when_one_partition_goes(patch: pytest.MonkeyPatch) -> None:
    discard = DueHeap.discard
    patch.setattr(DueHeap, "discard", lambda self, unwanted: discard(self, lambda _: True))


def heap_keeps_what_has_gone(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(DueHeap, "discard", lambda self, unwanted: [])


def delay_is_halved(patch: pytest.MonkeyPatch) -> None:
    due_at = retry_policy.due_at
    patch.setattr(rules.retry_policy, "due_at", lambda failed, now, delay_s, *of: due_at(failed, now, delay_s / 2, *of))


def timestamp_from_the_future_is_believed(patch: pytest.MonkeyPatch) -> None:
    due_at = retry_policy.due_at
    patch.setattr(rules.retry_policy, "due_at", lambda failed, now, *of: due_at(failed, failed, *of))


def wall_clock_is_believed(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Reckoning, "look", lambda self: setattr(self, "_zero", self._wall_at_zero()))


def wall_clock_is_looked_at_once(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Reckoning, "look", lambda self: None)


def error_is_done_before_its_question_is_back(patch: pytest.MonkeyPatch) -> None:
    take = RetryStep.take
    patch.setattr(RetryStep, "take", lambda self, record, done: (take(self, record, done), done()))


def work_of_a_lost_partition_goes_on(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(RecordTasks, "cancel", lambda self, partitions: None)


@pytest.mark.parametrize(
    "breaking",
    [
        heap_hands_out_what_is_not_due,
        heap_hands_out_twice,
        heap_forgets_all_when_one_partition_goes,
        heap_keeps_what_has_gone,
        delay_is_halved,
        timestamp_from_the_future_is_believed,
        wall_clock_is_believed,
        wall_clock_is_looked_at_once,
        error_is_done_before_its_question_is_back,
        work_of_a_lost_partition_goes_on,
    ],
)
def test_the_machine_notices(breaking: Break, monkeypatch: pytest.MonkeyPatch) -> None:
    breaking(monkeypatch)
    with pytest.raises(NOTICED):
        run_state_machine_as_test(RetryMachine, settings=UNSHRUNK)
