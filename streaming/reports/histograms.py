"""The bins of the distributions in a report."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from streaming.reports.figures import Histogram


def histogram(edges: Sequence[float], lines: Sequence[str], counted: Iterable[Mapping[str, Any]]) -> Histogram | None:
    """The counts of every line from rows of `line`, `bin` (from 0) and `n`; None without any."""
    counts = {line: [0] * (len(edges) - 1) for line in lines}
    for row in counted:
        counts[row["line"]][row["bin"]] = row["n"]
    return Histogram(edges, counts) if any(map(any, counts.values())) else None
