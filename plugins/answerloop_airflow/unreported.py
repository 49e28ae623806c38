"""Which traffic runs have ended and have no report of their end.

The tables say so, not the events that started a DAG run: Airflow may hold an event back until the next one comes, or lose it.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

from answerloop_airflow.connections import reports_settings
from answerloop_airflow.sentences import told_in_a_sentence

# As many as a DAG run reports; the next one takes the rest.
AT_ONCE = 50

_ENDED = """
SELECT run_id, finished_at, created_at
FROM traffic_runs LEFT JOIN metric_reports ON kind = 'run' AND subject = run_id
WHERE finished_at IS NOT NULL
"""


class Ended(NamedTuple):
    """A run that has ended, and when its stored report was measured; None without one."""

    run_id: str
    finished_at: datetime
    reported_at: datetime | None


def unreported(ended: Iterable[Ended]) -> list[str]:
    """The runs without a report, or with one from before their end; the newest first, at most `AT_ONCE`."""
    missing = [run for run in ended if run.reported_at is None or run.reported_at < run.finished_at]
    return [run.run_id for run in sorted(missing, key=lambda run: (run.finished_at, run.run_id), reverse=True)[:AT_ONCE]]


def find_unreported() -> list[str]:
    """The same, of the loop's tables. Raises AirflowException, AirflowFailException."""
    from streaming.postgres.connect import connected

    with told_in_a_sentence(), connected(reports_settings().database_url) as database, database.cursor() as cursor:
        cursor.execute(_ENDED)
        return unreported(Ended(*row) for row in cursor.fetchall())
