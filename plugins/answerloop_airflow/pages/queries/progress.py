"""Where a running run's requests are, and what waits in the loop."""

from answerloop_airflow.pages.database import Database, Row
from answerloop_airflow.pages.progress import WINDOW_S, Progress
from streaming.traffic.drain import PENDING_BY_STAGE

_REQUESTS = """
SELECT count(*) AS asked,
       count(*) FILTER (WHERE final_status = 'answered') AS answered,
       count(*) FILTER (WHERE final_status = 'failed') AS failed,
       count(*) FILTER (WHERE final_status = 'refused') AS refused,
       count(*) FILTER (WHERE final_status = 'unresolved') AS unresolved,
       count(*) FILTER (WHERE resolved_at > now() - make_interval(secs => %(window_s)s)) AS ended_lately,
       coalesce(extract(epoch FROM now() - min(sent_at)), 0)::float8 AS running_s
FROM traffic_requests WHERE run_id = %(run_id)s
"""
_LAG = """
SELECT "group", sum(lag)::bigint AS lag, extract(epoch FROM now() - max(time))::float8 AS age_s
FROM kafka_samples WHERE time = (SELECT max(time) FROM kafka_samples) AND "group" <> ''
GROUP BY "group"
"""


def progress(database: Database, run_id: str, planned: int) -> Progress:
    """The run's requests now."""
    row = database.row(_REQUESTS, run_id=run_id, window_s=WINDOW_S)
    assert row is not None
    return Progress(planned=planned, **row)


def pending_by_stage(database: Database, run_id: str) -> dict[str, int]:
    """The run's questions without an end, by where they are."""
    return {row["stage"]: row["count"] for row in database.rows(PENDING_BY_STAGE, run_id=run_id)}


def lag(database: Database) -> dict[str, Row]:
    """By consumer group: records of the whole loop that it had not read at the newest sample, and how old that is."""
    return {row["group"]: row for row in database.rows(_LAG)}
