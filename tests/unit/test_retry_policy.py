from datetime import UTC, datetime, timedelta
from typing import get_args
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streaming import topics
from streaming.contracts import CAUSES, Retries, Retryable
from streaming.retries import rules
from streaming.retry_policy import (
    CEILINGS,
    RULES,
    Again,
    Budget,
    Cause,
    Exhausted,
    due_at,
    next_step,
    overload_delay_s,
    quota_delay_s,
    within_ceiling,
)

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
counts = st.builds(Retries, overload=st.integers(0, 6), quota=st.integers(0, 6), quality=st.integers(0, 6))


def test_a_shared_budget_compares_all_retries_with_the_limit_of_the_cause() -> None:
    after_three = Retries(overload=2, quality=1)
    assert next_step(Budget.SHARED, Cause.OVERLOAD, 3, after_three) == Exhausted(used=3, limit=3)
    assert next_step(Budget.SHARED, Cause.QUALITY, 3, after_three) == Exhausted(used=3, limit=3)
    assert next_step(Budget.SHARED, Cause.QUOTA, 3, after_three) == Again(4, Retries(overload=2, quality=1, quota=1))


def test_a_budget_per_cause_lets_a_busy_model_take_no_chance_of_a_better_answer() -> None:
    busy = Retries(overload=3)
    assert next_step(Budget.PER_CAUSE, Cause.OVERLOAD, 3, busy) == Exhausted(used=3, limit=3)
    assert next_step(Budget.PER_CAUSE, Cause.QUALITY, 3, busy) == Again(4, Retries(overload=3, quality=1))


def test_a_message_without_counts_counts_its_retries_for_the_cause_at_hand() -> None:
    assert next_step(Budget.PER_CAUSE, Cause.QUOTA, 2, None) == Again(3, Retries(quota=3))
    assert next_step(Budget.PER_CAUSE, Cause.OVERLOAD, 3, None) == Exhausted(used=3, limit=3)


@given(st.sampled_from(Budget), st.lists(st.sampled_from(Cause), min_size=30, max_size=60))
def test_no_sequence_of_causes_passes_the_ceiling(budget: Budget, causes: list[Cause]) -> None:
    count, retries = 0, Retries()
    for cause in causes:
        step = next_step(budget, cause, count, retries)
        if isinstance(step, Again):
            assert step.retry_count == count + 1
            count, retries = step.retry_count, step.retries
            assert within_ceiling(budget, count)
    assert count <= CEILINGS[budget]
    assert count >= max(RULES[cause].limit for cause in causes[-1:])


@pytest.mark.parametrize(("budget", "highest"), [(Budget.SHARED, 5), (Budget.PER_CAUSE, 11)])
def test_the_ceiling_is_the_highest_count_that_can_exist(budget: Budget, highest: int) -> None:
    assert within_ceiling(budget, highest)
    assert not within_ceiling(budget, highest + 1)
    assert not within_ceiling(budget, -1)


def test_overloads_wait_two_four_and_eight_seconds() -> None:
    assert [overload_delay_s(count, Retries(overload=count), None) for count in range(3)] == [2, 4, 8]


def test_an_overload_waits_at_least_its_retry_after_but_never_over_five_minutes() -> None:
    assert overload_delay_s(0, Retries(), 7.5) == 7.5
    assert overload_delay_s(1, Retries(overload=1), 1.0) == 4
    assert overload_delay_s(0, Retries(), 9_999.0) == 300


def test_a_quota_waits_its_retry_after_or_a_minute() -> None:
    assert quota_delay_s(None) == 60
    assert quota_delay_s(3.0) == 3
    assert quota_delay_s(0.0) == 1
    assert quota_delay_s(1e6) == 3600


@given(st.uuids(), st.integers(0, 11), st.floats(0.5, 3600), st.integers(-1000, 1000))
def test_a_retry_is_never_early_and_at_most_a_quarter_late(submission: UUID, count: int, delay: float, skew: int) -> None:
    failed = NOW + timedelta(seconds=skew)
    waited = (due_at(failed, NOW, delay, submission, count) - min(failed, NOW)).total_seconds()
    assert delay - 1e-5 <= waited <= delay * 1.25 + 1e-5


def test_a_restart_computes_the_same_moment_and_other_attempts_another() -> None:
    submission = uuid4()
    first = due_at(NOW, NOW + timedelta(seconds=1), 8, submission, 1)
    assert due_at(NOW, NOW + timedelta(seconds=5), 8, submission, 1) == first
    assert due_at(NOW, NOW + timedelta(seconds=1), 8, submission, 2) != first


@pytest.mark.parametrize("rule", [rules.OVERLOAD, rules.QUOTA], ids=lambda rule: rule.cause)
def test_an_error_is_read_from_the_topic_of_its_cause_and_is_the_message_of_it(rule: rules.Rule) -> None:
    assert topics.CONSUMED_BY[rule.service] == (RULES[rule.cause].topic,)
    assert topics.MESSAGE_OF[RULES[rule.cause].topic] is rule.message
    assert rule.message in get_args(Retryable)


def test_what_ends_with_a_failure_when_its_retries_are_used_up_names_one_that_is_known() -> None:
    assert {rule.exhausted_as for rule in RULES.values()} - {None} <= set(CAUSES)
