"""The rows of `traffic_runs`: a run begins, changes its state and ends with its summary."""

from datetime import datetime
from typing import NamedTuple

import msgspec
from psycopg2.extensions import connection
from psycopg2.extras import Json

from streaming.errors import UserError
from streaming.figures.run_summary import RunSummary
from streaming.traffic.plan import TrafficPlan

SENDING, DRAINING, DRAINED, TIMED_OUT, CANCELLED, FAILED = "sending", "draining", "drained", "timed_out", "cancelled", "failed"


_BEGIN = """
INSERT INTO traffic_runs AS run (run_id, answer_set, dataset, state, plan, model, simulated, started_at)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s)
ON CONFLICT (run_id) DO UPDATE SET state = EXCLUDED.state, finished_at = NULL WHERE run.plan = EXCLUDED.plan
"""
_JOIN = f"{_BEGIN} AND run.state <> '{CANCELLED}'"


class Served(NamedTuple):
    """What will answer: the model's name, and whether it is the simulator."""

    model: str
    simulated: bool


def begin(database: connection, run_id: str, plan: TrafficPlan, served: Served, now: datetime) -> None:
    """Record the run as sending. A run of this id and plan goes on where it was; raises UserError for another plan."""
    if not _recorded(database, _BEGIN, run_id, plan, served, now):
        raise _another_plan(run_id)


def join(database: connection, run_id: str, plan: TrafficPlan, served: Served, now: datetime) -> None:
    """The same, for a part of the run that nobody has asked to go on: raises UserError where the run is cancelled."""
    if _recorded(database, _JOIN, run_id, plan, served, now):
        return
    if state_of(database, run_id) == CANCELLED:
        raise UserError(f"The run {run_id!r} is cancelled, and this share of it does not begin. To go on with the run, clear its tasks.")
    raise _another_plan(run_id)


def _recorded(database: connection, statement: str, run_id: str, plan: TrafficPlan, served: Served, now: datetime) -> bool:
    fields = Json(plan.model_dump(mode="json"))
    row = (run_id, plan.answer_set or run_id, plan.dataset, SENDING, fields, plan.model or served.model, served.simulated, now)
    with database, database.cursor() as cursor:
        cursor.execute(statement, row)
        return bool(cursor.rowcount)


def _another_plan(run_id: str) -> UserError:
    return UserError(f"The run {run_id!r} exists with another plan. Choose another run id, or repeat it with the plan it has.")


def sent(database: connection, run_id: str, now: datetime) -> None:
    """All requests of the run have ended; it waits until the loop has drained."""
    with database, database.cursor() as cursor:
        cursor.execute("UPDATE traffic_runs SET state = %s, sent_at = %s WHERE run_id = %s", (DRAINING, now, run_id))


def state_of(database: connection, run_id: str) -> str | None:
    """The state that is recorded; None for a run that is not known."""
    with database, database.cursor() as cursor:
        cursor.execute("SELECT state FROM traffic_runs WHERE run_id = %s", (run_id,))
        row = cursor.fetchone()
    return row[0] if row else None


def end(database: connection, run_id: str, state: str, now: datetime) -> None:
    """The run has ended in this state."""
    with database, database.cursor() as cursor:
        cursor.execute("UPDATE traffic_runs SET state = %s, finished_at = %s WHERE run_id = %s", (state, now, run_id))


def store_summary(database: connection, summary: RunSummary) -> None:
    """Keep the run's summary beside it, as JSON."""
    with database, database.cursor() as cursor:
        cursor.execute(
            "UPDATE traffic_runs SET summary = %s, simulated = %s WHERE run_id = %s",
            (Json(msgspec.to_builtins(summary)), summary.simulated, summary.run_id),
        )
