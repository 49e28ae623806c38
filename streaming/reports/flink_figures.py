"""Flink's part of a report: what scoring found and what asking again for a low score cost and won."""

import msgspec
from psycopg2.extras import RealDictCursor

from streaming.reports.covered import covered
from streaming.reports.event_time import event_time_lag
from streaming.reports.figures import Flink, Scope
from streaming.reports.histograms import SCORE_EDGES, histogram
from streaming.reports.queries import ask, ask_one
from streaming.reports.run_summary import Scores


def flink(cursor: RealDictCursor, scope: Scope, threshold: float) -> Flink:
    """The figures of the scope's own trips. `threshold`: the score from which an answer passes."""
    rows = covered(scope)
    again = ask_one(cursor, "retries", rows)["retries"]
    return Flink(
        scores=msgspec.convert(ask_one(cursor, "scores", rows), Scores),
        score_distribution=histogram(SCORE_EDGES, ("first", "final"), ask(cursor, "score_distribution", rows, edges=SCORE_EDGES)),
        threshold=threshold,
        extra_calls=again["quality"]["made"] if "quality" in again else 0,
        event_time_lag=event_time_lag(cursor, scope),
    )
