"""Values as people read them: filters of the templates. None becomes a dash, never zero."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from streaming.reports import digits


def seconds(value: float | None) -> str:
    """1.2 s, 3 min 5 s."""
    return digits.duration(None if value is None else value * 1000)


def moment(value: datetime | None) -> str:
    """2026-11-23 22:36:24 in UTC."""
    return digits.NOTHING if value is None else f"{value.astimezone(UTC):%Y-%m-%d %H:%M:%S}"


def plain(value: str) -> str:
    """A name without underscores: "timed out"."""
    return value.replace("_", " ")


def in_address(value: object) -> str:
    """The value as a parameter of an address."""
    return quote(str(value), safe="")


FILTERS: Mapping[str, Callable[..., Any]] = {
    "count": digits.count,
    "rate": digits.significant,
    "percent": digits.percent,
    "score": digits.score,
    "ms": digits.duration,
    "seconds": seconds,
    "moment": moment,
    "plain": plain,
    "in_address": in_address,
}
