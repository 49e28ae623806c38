"""Flink's part of a report: what scoring found and what asking again for a low score cost and won."""

from collections.abc import Mapping

import msgspec
from psycopg2.extras import RealDictCursor

from streaming.reports.covered import covered
from streaming.reports.edges import SCORE_EDGES
from streaming.reports.event_time import event_time_lag, watermark_lag
from streaming.reports.figures import Flink, Scope
from streaming.reports.histograms import histogram
from streaming.reports.queries import ask_one
from streaming.reports.run_summary import Retries, Scores
from streaming.retry_policy import Cause


def flink(cursor: RealDictCursor, scope: Scope, threshold: float, retries: Mapping[str, Retries]) -> Flink:
    """The figures of the scope's own trips. `threshold`: the score from which an answer passes. `retries`: the model's, by cause."""
    scores = ask_one(cursor, "scores", covered(scope), edges=SCORE_EDGES)
    return Flink(
        scores=msgspec.convert(scores, Scores),
        score_distribution=histogram(SCORE_EDGES, ("first", "final"), scores["bins"]),
        threshold=threshold,
        extra_calls=retries[Cause.QUALITY].made if Cause.QUALITY in retries else 0,
        event_time_lag=event_time_lag(cursor, scope),
        watermark_lag=watermark_lag(cursor, scope),
    )
