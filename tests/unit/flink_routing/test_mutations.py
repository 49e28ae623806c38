"""The machine of this folder notices when what it guards is broken."""

from collections.abc import Callable

import msgspec
import pytest
from hypothesis.stateful import run_state_machine_as_test

from flink import routing
from flink.routing import Remembered
from streaming.contracts import Retries
from streaming.retry_policy import Again
from tests.unit.flink_routing.machine import RoutingMachine
from tests.unit.machines import NOTICED, UNSHRUNK

Break = Callable[[pytest.MonkeyPatch], None]


def a_duplicate_is_decided_anew(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Remembered, "has", lambda self, retry_count: False)


def an_end_is_forgotten(patch: pytest.MonkeyPatch) -> None:
    finished = routing._finished
    patch.setattr(routing, "_finished", lambda *args: msgspec.structs.replace(finished(*args), finished=False))


def an_older_attempt_starts_a_second_chain(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Remembered, "is_past", lambda self, retry_count: False)


def the_last_attempt_counts_as_the_best(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(routing, "_better", lambda one, other: other if one is None else one)


def the_best_attempt_is_kept_in_messages_alone(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Remembered, "best", property(lambda self: None))


def the_limit_is_not_asked(patch: pytest.MonkeyPatch) -> None:
    def again(budget: object, cause: object, retry_count: int, retries: Retries) -> Again:
        return Again(retry_count + 1, msgspec.structs.replace(retries, quality=retries.quality + 1))

    patch.setattr(routing, "next_step", again)


def every_score_is_the_first(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(routing, "_first_score", lambda response, score, remembered: score)


def a_late_attempt_is_not_remembered(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(routing, "_attempts", lambda remembered, response: (response.retry_count,))


@pytest.mark.parametrize(
    "breaking",
    [
        a_duplicate_is_decided_anew,
        an_end_is_forgotten,
        an_older_attempt_starts_a_second_chain,
        the_last_attempt_counts_as_the_best,
        the_best_attempt_is_kept_in_messages_alone,
        the_limit_is_not_asked,
        every_score_is_the_first,
        a_late_attempt_is_not_remembered,
    ],
)
def test_the_machine_notices(breaking: Break, monkeypatch: pytest.MonkeyPatch) -> None:
    breaking(monkeypatch)
    with pytest.raises(NOTICED):
        run_state_machine_as_test(RoutingMachine, settings=UNSHRUNK)
