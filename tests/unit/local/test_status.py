"""Small readings of the status table."""

import pytest

from deploy.local.status import duration


@pytest.mark.parametrize(("seconds", "text"), [(0, "0s"), (59.9, "59s"), (90, "1m 30s"), (3660, "1h 1m"), (90_061, "1d 1h")])
def test_a_duration_is_told_in_two_units(seconds: float, text: str) -> None:
    assert duration(seconds) == text
