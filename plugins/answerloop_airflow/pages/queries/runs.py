"""Traffic runs: those that have ended by their stored summary, those that go on by counting their requests."""

from answerloop_airflow.pages.database import Database, Row
from streaming.errors import UserError
from streaming.figures.scope import Kind
from streaming.traffic.runs import DRAINING, SENDING

PER_PAGE = 50
GOING_ON = (SENDING, DRAINING)

_RUN = """
SELECT run_id, state, dataset, model, simulated, started_at, sent_at, finished_at,
       (plan->>'requests')::int AS requests,
       (summary#>>'{requests,total}')::int AS asked,
       coalesce((summary#>>'{requests,final,answered}')::int, CASE WHEN summary IS NOT NULL THEN 0 END) AS answered,
       coalesce((summary#>>'{requests,final,failed}')::int, CASE WHEN summary IS NOT NULL THEN 0 END) AS failed,
       (summary#>>'{requests,ended_per_s}')::float8 AS per_s,
       (summary#>>'{requests,real,p50}')::float8 AS real_p50,
       (summary#>>'{requests,real,p95}')::float8 AS real_p95,
       (summary#>>'{scores,mean_final}')::float8 AS score
FROM traffic_runs
"""
_WHOLE = """
SELECT run_id, state, dataset, model, simulated, started_at, sent_at, finished_at, plan, (plan->>'requests')::int AS requests, summary
FROM traffic_runs WHERE run_id = %(run_id)s
"""
_SUMMARISED = "SELECT run_id, model, started_at FROM traffic_runs WHERE summary IS NOT NULL ORDER BY started_at DESC LIMIT 200"
# `after_report`: something of it happened after the run's report was made, which counts replays up to then.
_REPLAYED = """
SELECT count(*) AS questions, count(*) FILTER (WHERE status = 'answered') AS recovered, count(*) FILTER (WHERE status = 'failed') AS failed,
       count(*) FILTER (WHERE status = 'pending') AS pending,
       coalesce(max(coalesce(resolved_at, now()))
                > (SELECT created_at FROM metric_reports WHERE kind = %(kind)s AND subject = %(run_id)s), false) AS after_report
FROM questions WHERE question_id IN (SELECT question_id FROM submissions WHERE run_id = %(run_id)s AND kind = 'replay')
"""
_ENDED = f"""{_RUN} WHERE state <> ALL(%(going_on)s) AND (%(before)s::timestamptz IS NULL OR started_at < %(before)s)
ORDER BY started_at DESC LIMIT %(limit)s"""
_GOING_ON = f"{_RUN} WHERE state = ANY(%(going_on)s) ORDER BY started_at DESC LIMIT %(limit)s"


def ended(database: Database, before: str | None) -> list[Row]:
    """A page of runs that have ended and one run more if there are more; `before`: begun before that time (ISO 8601)."""
    return database.rows(_ENDED, going_on=list(GOING_ON), before=before, limit=PER_PAGE + 1)


def going_on(database: Database) -> list[Row]:
    """The newest of the runs that have not ended."""
    return database.rows(_GOING_ON, going_on=list(GOING_ON), limit=10)


def run(database: Database, run_id: str) -> Row:
    """One run with its plan and summary. Raises UserError for an unknown one."""
    found = known(database, run_id)
    if found is None:
        raise UserError(f"There is no run {run_id!r}. The list under Runs shows those that there are.")
    return found


def known(database: Database, run_id: str) -> Row | None:
    """One run, None for an unknown one."""
    return database.row(_WHOLE, run_id=run_id)


def replayed(database: Database, run_id: str) -> Row:
    """What became of the run's failures that were asked again: how many `questions`, `recovered`, `failed`, `pending`; `after_report`."""
    row = database.row(_REPLAYED, run_id=run_id, kind=Kind.RUN.value)
    assert row is not None
    return row


def summarised(database: Database) -> list[Row]:
    """The newest runs that can be compared."""
    return database.rows(_SUMMARISED)
