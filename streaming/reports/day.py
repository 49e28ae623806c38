"""The report of a day, from midnight to midnight UTC, and of each run's part of it."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import msgspec
from psycopg2.extras import RealDictCursor

from streaming.errors import UserError
from streaming.reports.figures import Kind, Report, Scope
from streaming.reports.measure import measure
from streaming.reports.queries import Rows, ask
from streaming.reports.snapshot import gather


def parsed(text: str) -> date:
    """The day that `text` names. Raises UserError."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise UserError(f"{text!r} is no day: give one as YYYY-MM-DD, such as 2026-03-01.") from None


def day_report(cursor: RealDictCursor, day: date, now: datetime, threshold: float) -> Report:
    """The day's figures and those of each run that has rows in it.

    A day that is not over is reported up to `now` and marked as partial. Raises UserError for one that has not begun.
    """
    since = datetime.combine(day, time(), UTC)
    if since > now:
        raise UserError(f"{day} has not begun: it is {now:%Y-%m-%d %H:%M} UTC. Give a day up to today.")
    midnight = since + timedelta(days=1)
    until = min(midnight, now)
    whole_day = Scope(Kind.DAY, day.isoformat(), since, until, partial=until < midnight)
    rows = Rows(None, since, until)
    gather(cursor, rows)
    runs = [measure(cursor, _part(whole_day, run), threshold) for run in ask(cursor, "runs", rows)]
    figures = measure(cursor, whole_day, threshold)
    simulated = figures.scope.simulated or any(run.scope.simulated for run in runs)
    return Report(msgspec.structs.replace(figures, scope=msgspec.structs.replace(figures.scope, simulated=simulated)), runs)


def _part(day: Scope, run: dict[str, Any]) -> Scope:
    """A run's part of a day: samples of the time that it took of it, rows of all of it."""
    since = min(max(day.since, run["started_at"]), day.until)
    return Scope(
        kind=Kind.DAY,
        subject=run["run_id"],
        since=since,
        until=max(since, min(day.until, run["finished_at"] or day.until)),
        run_id=run["run_id"],
        state=run["state"],
        dataset=run["dataset"],
        simulated=run["simulated"],
        day=(day.since, day.until),
        partial=day.partial and run["finished_at"] is None,
    )
