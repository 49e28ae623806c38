"""Reads what was stored as JSON, maybe by an older version of this code: then it says so, and how to make it again."""

import logging
from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

import msgspec

from streaming.errors import UserError
from streaming.figures.rates import Calibration
from streaming.figures.run_summary import RunSummary
from streaming.figures.scope import Kind
from streaming.figures.values import Report

log = logging.getLogger(__name__)

Value = TypeVar("Value")

_AGAIN = {
    Kind.RUN: "python -m streaming report run {}",
    Kind.DAY: "python -m streaming report day {}",
    Kind.CALIBRATION: "python -m streaming calibrate",
}


def report(content: str, kind: Kind, subject: str) -> Report:
    """The report of a run or a day. Raises UserError where it has another shape than today's."""
    return _read(content, Report, f"The report of the {kind.value} {subject!r}", f"`{_AGAIN[kind].format(subject)}`")


def calibration(content: str, subject: str) -> Calibration:
    """A calibration. Raises UserError where it has another shape than today's."""
    return _read(content, Calibration, f"The calibration {subject!r}", f"`{_AGAIN[Kind.CALIBRATION]}`")


def summary(content: Mapping[str, Any], run_id: str) -> RunSummary:
    """The summary of a run. Raises UserError where it has another shape than today's."""
    again = f"clear the task `summary` of its DAG run, or give its command once more with `--run-id {run_id}`"
    return _read(msgspec.json.encode(content), RunSummary, f"The summary of the run {run_id!r}", again)


def readable_days(contents: Iterable[str]) -> list[Report]:
    """Reports of days, but for those of another shape than today's: a chart of many days is not refused for one of them."""
    days = []
    for each in contents:
        try:
            days.append(msgspec.json.decode(each, type=Report))
        except msgspec.ValidationError as err:
            log.warning("a stored report of a day is left out of a chart (%s): make it again", err)
    return days


def _read(content: str | bytes, of: type[Value], what: str, again: str) -> Value:
    try:
        return msgspec.json.decode(content, type=of)
    except msgspec.ValidationError as err:
        raise UserError(f"{what} was made by an older version ({err}): make it again: {again}.") from err
