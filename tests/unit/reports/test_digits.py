"""How values are written."""

from datetime import UTC, datetime

import pytest

from streaming.reports.digits import NOTHING, count, duration, mebibytes, noun, percent, score, share, significant, span


@pytest.mark.parametrize("write", [count, significant, duration, percent, score, mebibytes])
def test_what_there_is_not_is_a_dash_and_not_a_zero(write) -> None:
    assert write(None) == NOTHING
    assert write(0) != NOTHING


@pytest.mark.parametrize(
    ("ms", "said"),
    [
        (0.4216, "0.422 ms"),
        (85, "85 ms"),
        (999.4, "999 ms"),
        (999.6, "1.00 s"),
        (1204.4, "1.20 s"),
        (8001.2, "8.00 s"),
        (99_960, "100 s"),
        (125_000, "2 min 5 s"),
        (600_000, "10 min"),
        (7_199_900, "2 h"),
        (12_000_000, "3 h 20 min"),
    ],
)
def test_a_duration_has_three_digits_and_the_unit_that_fits(ms: float, said: str) -> None:
    assert duration(ms) == said


@pytest.mark.parametrize(
    ("rate", "said"),
    [(0, "0 %"), (0.0001, "under 0.1 %"), (0.0334, "3.3 %"), (0.9996, "over 99.9 %"), (1, "100 %"), (0.5, "50.0 %")],
)
def test_a_share_is_0_or_100_percent_only_if_it_is(rate: float, said: str) -> None:
    assert percent(rate) == said


@pytest.mark.parametrize(
    ("value", "said"),
    [(1234567, "1,234,567"), (0.00123, "0.00123"), (99.96, "100"), (57.25, "57.2"), (8.0, "8"), (0, "0"), (12.34, "12.3")],
)
def test_a_number_has_three_digits_that_matter(value: float, said: str) -> None:
    assert significant(value) == said


def test_words_for_counts_and_times() -> None:
    assert (noun(1, "call"), noun(2, "call"), noun(0, "call was", "calls were")) == ("1 call", "2 calls", "0 calls were")
    assert (share(1, 4), share(0, 0)) == ("1 of 4 (25.0 %)", "0 of 0")
    first = datetime(2026, 11, 22, 21, 40, tzinfo=UTC)
    assert span(first, first.replace(minute=45)) == "2026-11-22 21:40 to 21:45 UTC"
    assert span(first, first.replace(day=23, hour=0, minute=0)) == "2026-11-22 21:40 to 2026-11-23 00:00 UTC"
