"""The report of a traffic run, from its start to its end."""

from datetime import datetime

from psycopg2.extras import RealDictCursor

from streaming.errors import UserError
from streaming.reports.figures import Kind, Report, Scope
from streaming.reports.measure import measure
from streaming.reports.queries import Rows
from streaming.reports.snapshot import gather


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
