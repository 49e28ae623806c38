"""Flink's part of a report: what scoring found and what asking again for a low score cost and won."""

from collections.abc import Mapping

import msgspec
from psycopg2.extras import RealDictCursor

from streaming.figures.buckets import SCORE_EDGES, histogram
from streaming.figures.queries import ask_one
from streaming.figures.run_summary import Percentiles, Retries, Scores
from streaming.figures.scope import Scope, covered, sampled
from streaming.figures.values import Flink
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


def event_time_lag(cursor: RealDictCursor, scope: Scope) -> Percentiles:
    """Of the samples in the scope's time, in milliseconds: the result's time minus the message's, while records were scored."""
    return _lag(cursor, scope, "event_time_lag_ms")


def watermark_lag(cursor: RealDictCursor, scope: Scope) -> Percentiles:
    """Likewise: the result's time minus the watermark."""
    return _lag(cursor, scope, "watermark_lag_ms")


def _lag(cursor: RealDictCursor, scope: Scope, metric: str) -> Percentiles:
    return msgspec.convert(ask_one(cursor, "score_job_lag", sampled(scope), metric=metric), Percentiles)
