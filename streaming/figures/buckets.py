"""Distributions in bins, and what happens over time in buckets."""

import math
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from itertools import accumulate
from typing import Any

import msgspec

# 1 ms to 1,000 s, five bins a decade.
LATENCY_EDGES_MS = [10 ** (step / 5) for step in range(31)]
SCORE_EDGES = [step / 20 for step in range(21)]
MOST_BUCKETS = 150
STEPS_S = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1_200, 1_800, 3_600)


class Series(msgspec.Struct, frozen=True):
    """Values in buckets of equal width from `start` on, by line; None in a bucket without a sample."""

    start: datetime
    step_s: float
    lines: Mapping[str, Sequence[float | None]]


class Histogram(msgspec.Struct, frozen=True):
    """Counts by line between `edges` (ascending, one more than counts); what lies outside counts in the outermost bins."""

    edges: Sequence[float]
    lines: Mapping[str, Sequence[int]]


def histogram(edges: Sequence[float], lines: Sequence[str], counted: Iterable[Mapping[str, Any]]) -> Histogram | None:
    """The counts of every line from rows of `line`, `bin` (from 0) and `n`; None without any."""
    counts = {line: [0] * (len(edges) - 1) for line in lines}
    for row in counted:
        counts[row["line"]][row["bin"]] = row["n"]
    return Histogram(edges, counts) if any(map(any, counts.values())) else None


def step_s(duration_s: float) -> int:
    """The width of a bucket so that there are at most 150: of a round width, or whole hours. A day has buckets of ten minutes."""
    least = duration_s / MOST_BUCKETS
    return next((step for step in STEPS_S if step >= least), math.ceil(least / 3_600) * 3_600)


def series(start: datetime, until: datetime, step: int, changes: Iterable[Mapping[str, Any]]) -> Series:
    """The lines asked, answered and failed (per second) and pending (at each bucket's end).

    `changes`: rows of `bucket` (-1: before the first), `asked`, `answered`, `failed` and `opened`, the change of what is pending.
    """
    buckets = max(1, math.ceil((until - start).total_seconds() / step))
    by_bucket = {row["bucket"]: row for row in changes}

    def line(name: str) -> list[int]:
        return [int(by_bucket[bucket][name]) if bucket in by_bucket else 0 for bucket in range(-1, buckets)]

    rates = {name: [count / step for count in line(name)[1:]] for name in ("asked", "answered", "failed")}
    return Series(start, float(step), {**rates, "pending": list(accumulate(line("opened")))[1:]})
