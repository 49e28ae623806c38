"""What the figures cover: a day, a run or a run's part of a day, and which rows that is."""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

import msgspec


class Kind(StrEnum):
    """What a report is about; also `metric_reports.kind`."""

    DAY = "day"
    RUN = "run"
    CALIBRATION = "calibration"


class Scope(msgspec.Struct, frozen=True):
    """What the figures cover: the rows of `since` <= time < `until`, of one run where `run_id` is given.

    A run's report covers all of the run, whatever the day; the part of a run within a daily report covers that day alone.
    """

    kind: Kind
    subject: str  # the day as YYYY-MM-DD, or the run_id
    since: datetime
    until: datetime
    run_id: str | None = None
    state: str | None = None  # of the run
    dataset: str | None = None
    models: Mapping[str, int] = {}  # calls by the model that answered
    simulated: bool = False  # any answer came from the simulator
    day: tuple[datetime, datetime] | None = None  # of a run within a day: the day, all of whose rows of the run count
    partial: bool = False  # the day, or the run, was not over


class Rows(NamedTuple):
    """Those of `since` <= time < `until`, of one run where `run_id` is given. Moments may be PostgreSQL's infinities."""

    run_id: str | None
    since: datetime | str = "-infinity"
    until: datetime | str = "infinity"


def covered(scope: Scope) -> Rows:
    """A run's report covers the run's rows whatever their time; a day, and a run within it, those of the day."""
    if scope.kind is Kind.RUN:
        return Rows(scope.run_id)
    return Rows(scope.run_id, *(scope.day or (scope.since, scope.until)))


def sampled(scope: Scope) -> Rows:
    """Samples are not tied to a run: those of the scope's time."""
    return Rows(None, scope.since, scope.until)
