"""What a replay's plan takes, and how it tells its filter."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from streaming.errors import UserError
from streaming.replays.plan import ReplayPlan, checked


def test_a_plan_without_fields_replays_a_thousand_failures_at_most_and_asks_above_five_hundred() -> None:
    plan = checked()
    assert (plan.limit, plan.approve_above, plan.dry_run) == (1000, 500, False)
    assert str(plan) == "no filter"


@pytest.mark.parametrize(
    ("field", "bad"),
    [
        ("limit", 0),
        ("limit", 10_001),
        ("approve_above", -1),
        ("timeout_s", 9),
        ("cause", ""),
        ("run_id", "two\nlines"),
        ("error_text", "x" * 201),
        ("since", "yesterday"),
        ("model", ""),
        ("unknown", 1),
    ],
)
def test_a_field_out_of_bounds_is_named_with_what_was_given(field: str, bad: object) -> None:
    with pytest.raises(UserError, match=rf"{field}: .*given"):
        checked(**{field: bad})


def test_a_window_that_ends_before_it_begins_is_refused() -> None:
    with pytest.raises(UserError, match="`since` must be before `until`"):
        checked(since="2026-05-02T00:00:00Z", until="2026-05-01T00:00:00Z")


def test_a_time_without_a_zone_is_utc() -> None:
    assert checked(since="2026-05-01T10:00:00").since == datetime(2026, 5, 1, 10, tzinfo=UTC)
    assert checked(since=datetime(2026, 5, 1, 12, tzinfo=timezone(timedelta(hours=2)))).since == datetime(2026, 5, 1, 10, tzinfo=UTC)


def test_the_filter_is_told_in_words() -> None:
    plan = ReplayPlan(cause="overload_exhausted", run_id="r1", since=datetime(2026, 5, 1, tzinfo=UTC))
    assert str(plan) == "cause 'overload_exhausted', run 'r1', since 2026-05-01 00:00:00 UTC"
