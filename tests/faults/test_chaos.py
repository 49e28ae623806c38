"""A part of the fault matrix, with less traffic: all of it is `make chaos`."""

from dataclasses import replace

import pytest

from streaming import settings
from tests.chaos.faults import matrix
from tests.chaos.runner import run

pytestmark = [pytest.mark.faults, pytest.mark.timeout(480)]

KILLS = ("kill-each-in-turn", "kill:kafka", "kill:postgres", "kill:flink-taskmanager")


@pytest.mark.parametrize("name", [*KILLS, "die-at:storage_persister.stored", "poison"])
def test_nothing_is_lost_doubled_or_early_through(name: str) -> None:
    fault = replace(matrix()[name], scored=30, unscored=60)
    assert run(fault, 1, settings.load(), "", lambda phase: None).violations == ()


def test_nothing_is_lost_when_the_broker_stands_still_under_a_backlog() -> None:
    # More for each of the six partitions than the consumer holds before it pauses them.
    fault = replace(matrix()["stop-14:kafka"], scored=0, unscored=3_500, strike_after_s=(3.0, 3.0))
    assert run(fault, 1, settings.load(), "", lambda phase: None).violations == ()
