"""The rows of `traffic_runs`: a run begins, changes its state and ends with its summary."""

from datetime import datetime
from typing import NamedTuple

import msgspec
from psycopg2.extensions import connection
from psycopg2.extras import Json

from streaming.errors import UserError
from streaming.reports.run_summary import RunSummary
from streaming.traffic.plan import TrafficPlan

SENDING, DRAINING, DRAINED, TIMED_OUT, CANCELLED, FAILED = "sending", "draining", "drained", "timed_out", "cancelled", "failed"


class ModelServer(NamedTuple):
    """What will answer: the model's name, and whether it is the simulator."""

    model: str
    simulated: bool


def begin(database: connection, run_id: str, plan: TrafficPlan, served: ModelServer, now: datetime) -> None:
    """Record the run as sending. A run of this id and plan goes on where it was; raises UserError for another plan."""
    with database, database.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO traffic_runs AS run (run_id, answer_set, dataset, state, plan, model, simulated, started_at)
            VALUES (%s, %s, %s, %s, %s, %s, %s, %s)
            ON CONFLICT (run_id) DO UPDATE SET state = EXCLUDED.state, finished_at = NULL WHERE run.plan = EXCLUDED.plan
            """,
            (
                run_id,
                plan.answer_set or run_id,
                plan.dataset,
                SENDING,
                Json(plan.model_dump(mode="json")),
                plan.model or served.model,
                served.simulated,
                now,
            ),
        )
        if not cursor.rowcount:
            raise UserError(f"The run {run_id!r} exists with another plan. Choose another run id, or repeat it with the plan it has.")


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
