"""Where a running run's requests are, and what waits in the loop."""

from answerloop_airflow.pages.database import Database
from answerloop_airflow.pages.progress import WINDOW_S, Progress, Waiting
from streaming.topics import LLM_CONSUMER
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
# A sample that is older says nothing of now.
_IN_FLIGHT = """
SELECT value FROM service_samples
WHERE service = %(service)s AND metric = 'model_calls_in_flight' AND time > now() - interval '1 minute'
ORDER BY time DESC LIMIT 1
"""


def progress(database: Database, run_id: str, planned: int) -> Progress:
    """The run's requests now."""
    row = database.row(_REQUESTS, run_id=run_id, window_s=WINDOW_S)
    assert row is not None
    return Progress(planned=planned, **row)


def pending_by_stage(database: Database, run_id: str) -> dict[str, int]:
    """The run's questions without an end, by where they are."""
    return {row["stage"]: row["count"] for row in database.rows(PENDING_BY_STAGE, run_id=run_id)}


def waiting(database: Database) -> Waiting | None:
    """What waits in the whole loop, by the newest samples; None before there is one."""
    rows = {row["group"]: row for row in database.rows(_LAG)}
    if not rows:
        return None
    calls = database.row(_IN_FLIGHT, service=LLM_CONSUMER)
    return Waiting(
        age_s=max(row["age_s"] for row in rows.values()),
        lag={group: row["lag"] for group, row in rows.items()},
        at_the_model=None if calls is None else int(calls["value"]),
    )
