"""The checks of this folder notice when what they guard is broken."""

from collections.abc import Callable, Mapping

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from streaming.kafka.client import Committed, TopicPartition
from streaming.kafka.consume import ConsumeLoop
from streaming.kafka.offsets import OffsetWindow
from tests.unit.kafka import brokers, test_returning
from tests.unit.kafka.machine import ConsumingMachine
from tests.unit.kafka.returning import STATES
from tests.unit.machines import NOTICED

UNSHRUNK = settings(
    max_examples=300,
    stateful_step_count=50,
    phases=[Phase.generate],
    database=None,
    deadline=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
)

Break = Callable[[pytest.MonkeyPatch], None]


def position_ignores_what_is_open(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(OffsetWindow, "position", property(lambda self: self._next))


def bitmap_is_shifted(patch: pytest.MonkeyPatch) -> None:
    init = OffsetWindow.__init__

    def shifted(self: OffsetWindow, position: int | None, metadata: str = "", window: int = 10_000) -> None:
        init(self, position, metadata, window)
        self._done = {offset + 1 for offset in self._done}

    patch.setattr(OffsetWindow, "__init__", shifted)


def bitmap_is_not_read(patch: pytest.MonkeyPatch) -> None:
    init = OffsetWindow.__init__
    patch.setattr(OffsetWindow, "__init__", lambda self, position, metadata="", window=10_000: init(self, position, "", window))


def window_skips_the_first_record_of_a_batch(patch: pytest.MonkeyPatch) -> None:
    take = OffsetWindow.take
    patch.setattr(OffsetWindow, "take", lambda self, offset: (take(self, offset) and offset % 4 != 0) or self._open.pop(offset, False))


def pause_outlasts_the_assignment(patch: pytest.MonkeyPatch) -> None:
    assigned = ConsumeLoop._on_assigned

    async def without_resuming(self: ConsumeLoop, committed: Mapping[TopicPartition, Committed]) -> None:
        await assigned(self, committed)
        self._newly_assigned.clear()

    patch.setattr(ConsumeLoop, "_on_assigned", without_resuming)


def done_of_an_earlier_assignment_counts(patch: pytest.MonkeyPatch) -> None:
    begin = ConsumeLoop._begin

    def same_generation(self: ConsumeLoop, partition: TopicPartition, position: Committed) -> None:
        begin(self, partition, position)
        self._generation[partition] = 0

    patch.setattr(ConsumeLoop, "_begin", same_generation)
    patch.setattr("tests.unit.kafka.machine.Member.drop", lambda self, partitions: None)


@pytest.mark.parametrize(
    "breaking",
    [
        position_ignores_what_is_open,
        bitmap_is_shifted,
        bitmap_is_not_read,
        window_skips_the_first_record_of_a_batch,
        done_of_an_earlier_assignment_counts,
    ],
)
def test_the_machine_notices(breaking: Break, monkeypatch: pytest.MonkeyPatch) -> None:
    breaking(monkeypatch)
    with pytest.raises((*NOTICED, KeyError)):
        run_state_machine_as_test(ConsumingMachine, settings=UNSHRUNK)


@pytest.mark.parametrize("leaving", ["by_rebalance", "by_loss"])
async def test_the_suite_of_returning_partitions_notices_a_pause_that_outlasts_the_assignment(
    leaving: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    pause_outlasts_the_assignment(monkeypatch)
    monkeypatch.setattr(brokers, "DEADLINE_S", 2.0)
    suite = test_returning.TestInMemory()
    suite.begin()
    leave_and_return = suite.leave_and_return if leaving == "by_rebalance" else suite.lose_and_regain
    with pytest.raises(TimeoutError):
        await suite.check(STATES["paused"], leave_and_return)
