"""A submission drawn as lanes: one for each attempt, its stages side by side where they were in time. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

# In the order in which an attempt passes them: it waits, then lies in the queue.
STAGES = ("waiting", "queue", "model", "scoring", "store")


@dataclass(frozen=True)
class Lane:
    """One attempt. `start` and `widths`: parts of the submission's whole time, 0 to 1; a stage without a time has no width."""

    start: float
    widths: Mapping[str, float]


def lanes(submission: Mapping[str, Any]) -> list[Lane]:
    """A lane for each attempt of a submission as a timeline tells it, in their order."""
    drawn = [_milliseconds(submission, attempt) for attempt in submission["attempts"]]
    whole = max((start + sum(stages.values()) for start, stages in drawn), default=0.0)
    if whole <= 0:
        return [Lane(0.0, {}) for _ in drawn]
    return [Lane(start / whole, {name: ms / whole for name, ms in stages.items() if ms > 0}) for start, stages in drawn]


def _milliseconds(submission: Mapping[str, Any], attempt: Mapping[str, Any]) -> tuple[float, dict[str, float]]:
    """When it began, from the submission on, and how long each stage took. Clocks of several machines: nothing begins before zero."""
    stages = {name: max(attempt["stages"][f"{name}_ms"] or 0.0, 0.0) for name in STAGES}
    queued = attempt["enqueued_at"] or attempt["llm_started_at"] or attempt["stored_at"]
    began = (queued - submission["submitted_at"]) / timedelta(milliseconds=1) - stages["waiting"]
    return max(began, 0.0), stages
