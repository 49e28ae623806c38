"""All figures of a run, or of a day and of each run's part of it."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import msgspec
from psycopg2.extras import RealDictCursor

from streaming.errors import UserError
from streaming.figures.flink import flink
from streaming.figures.kafka import kafka
from streaming.figures.model import model
from streaming.figures.queries import ask, ask_one, gather
from streaming.figures.scope import Kind, Rows, Scope, covered
from streaming.figures.values import Figures, Report
from streaming.figures.whole import whole
from streaming.model.server import is_simulated


def run_report(cursor: RealDictCursor, run_id: str, now: datetime, threshold: float) -> Report:
    """The run's figures, up to `now` and marked as partial where it has not ended. Raises UserError for a run that is not known."""
    cursor.execute(
        "SELECT run_id, state, dataset, simulated, started_at, coalesce(finished_at, %(now)s) AS until, finished_at IS NULL AS partial"
        " FROM traffic_runs WHERE run_id = %(run_id)s",
        {"run_id": run_id, "now": now},
    )
    run = cursor.fetchone()
    if run is None:
        raise UserError(f"There is no run {run_id!r}: give the run_id of one that was started; `traffic_runs` holds them all.")
    scope = Scope(
        kind=Kind.RUN,
        subject=run_id,
        since=run["started_at"],
        until=run["until"],
        run_id=run_id,
        state=run["state"],
        dataset=run["dataset"],
        simulated=run["simulated"],
        partial=run["partial"],
    )
    gather(cursor, Rows(run_id))
    return Report(measure(cursor, scope, threshold))


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


def measure(cursor: RealDictCursor, scope: Scope, threshold: float) -> Figures:
    """The figures of the scope, whose calls and ends are gathered. `threshold`: the score from which an answer passes.

    The scope gets the models that answered.
    """
    models = ask_one(cursor, "models", covered(scope))["models"]
    # The simulator names itself in the model of every answer, also where it could not be asked when a run began.
    simulated = scope.simulated or any(map(is_simulated, models))
    scope = msgspec.structs.replace(scope, models=models, simulated=simulated)
    of_model, of_whole = model(cursor, scope), whole(cursor, scope)
    of_flink = flink(cursor, scope, threshold, of_model.retries)
    happened = of_whole.requests or of_whole.answered or of_whole.failed or of_whole.replays.submitted or of_model.calls or models
    return Figures(scope=scope, empty=not happened, kafka=kafka(cursor, scope), model=of_model, flink=of_flink, whole=of_whole)


def parsed(text: str) -> date:
    """The day that `text` names. Raises UserError."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise UserError(f"{text!r} is no day: give one as YYYY-MM-DD, such as 2026-03-01.") from None
