"""Values as people read them: filters of the templates. None becomes a dash, never zero."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

MISSING = "–"
STATES: Mapping[str, str] = {
    "sending": "sending",
    "draining": "draining",
    "drained": "drained",
    "timed_out": "timed out",
    "cancelled": "cancelled",
    "failed": "failed",
}


def number(value: float | None, digits: int = 0) -> str:
    """1,234.5 with so many digits."""
    return MISSING if value is None else f"{value:,.{digits}f}"


def percent(value: float | None, digits: int = 1) -> str:
    """12.3 % of a share from 0 to 1."""
    return MISSING if value is None else f"{value * 100:,.{digits}f} %"


def milliseconds(value: float | None) -> str:
    """240 ms, 1.24 s, 3 min 5 s."""
    if value is None:
        return MISSING
    return f"{value:,.0f} ms" if value < 1000 else seconds(value / 1000)


def seconds(value: float | None) -> str:
    """1.2 s, 3 min 5 s, 2 h 4 min, 3 d 4 h."""
    if value is None:
        return MISSING
    if value < 10:
        return f"{value:.1f} s"
    whole = round(value)
    if whole < 60:
        return f"{whole} s"
    for (large, of), (small, rest) in (((60, "min"), (1, "s")), ((3600, "h"), (60, "min")), ((86_400, "d"), (3600, "h"))):
        if whole < large * (60 if large < 3600 else 24) or large == 86_400:
            count, left = divmod(whole, large)
            return f"{count} {of} {left // small} {rest}" if left // small else f"{count} {of}"
    raise AssertionError("days have no end")


def moment(value: datetime | None) -> str:
    """2026-11-23 22:36:24 in UTC."""
    return MISSING if value is None else f"{value.astimezone(UTC):%Y-%m-%d %H:%M:%S}"


def between(begin: datetime | None, end: datetime | None) -> str:
    """How long it was, or a dash while an end is missing."""
    return MISSING if begin is None or end is None else seconds((end - begin) / timedelta(seconds=1))


def state(value: str) -> str:
    """A run's state without underscores."""
    return STATES.get(value, value)


def in_address(value: object) -> str:
    """The value as a parameter of an address."""
    return quote(str(value), safe="")


FILTERS: Mapping[str, Callable[..., Any]] = {
    "number": number,
    "percent": percent,
    "ms": milliseconds,
    "seconds": seconds,
    "moment": moment,
    "state": state,
    "in_address": in_address,
}
