"""The policy's state machine, and that it notices when the policy is broken."""

import dataclasses
from collections.abc import Callable

import pytest
from hypothesis.stateful import run_state_machine_as_test

from streaming import retry_policy
from streaming.retry_policy import Again, Cause
from tests.unit.machines import UNSHRUNK, of_steps
from tests.unit.policy_machine import PolicyMachine

TestPolicy = PolicyMachine.TestCase
TestPolicy.settings = of_steps(2000)

Break = Callable[[pytest.MonkeyPatch], None]


def one_try_too_many(patch: pytest.MonkeyPatch) -> None:
    patch.setitem(retry_policy.RULES, Cause.QUOTA, dataclasses.replace(retry_policy.RULES[Cause.QUOTA], limit=6))


def a_cause_is_counted_as_another(patch: pytest.MonkeyPatch) -> None:
    incremented = retry_policy._incremented
    patch.setattr(retry_policy, "_incremented", lambda retries, _: incremented(retries, Cause.QUALITY))


def a_number_is_left_out(patch: pytest.MonkeyPatch) -> None:
    next_step = retry_policy.next_step

    def skipping(*of: object) -> object:
        step = next_step(*of)  # type: ignore[arg-type]
        return dataclasses.replace(step, retry_count=step.retry_count + 1) if isinstance(step, Again) else step

    patch.setattr(retry_policy, "next_step", skipping)


def every_overload_waits_as_the_first(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(retry_policy, "overload_delay_s", lambda count, retries, after: max(2.0, min(after or 0.0, 300.0)))


def the_ceiling_is_one_too_low(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(retry_policy, "within_ceiling", lambda budget, count: count < retry_policy.CEILINGS[budget])


@pytest.mark.parametrize(
    "breaking",
    [one_try_too_many, a_cause_is_counted_as_another, a_number_is_left_out, every_overload_waits_as_the_first, the_ceiling_is_one_too_low],
)
def test_the_machine_notices(breaking: Break, monkeypatch: pytest.MonkeyPatch) -> None:
    breaking(monkeypatch)
    with pytest.raises(AssertionError):
        run_state_machine_as_test(PolicyMachine, settings=UNSHRUNK)
