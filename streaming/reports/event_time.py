"""How far scoring ran behind the messages' times, and the score job's watermark behind the clock."""

import msgspec
from psycopg2.extras import RealDictCursor

from streaming.reports.covered import sampled
from streaming.reports.figures import Scope
from streaming.reports.queries import ask_one
from streaming.reports.run_summary import Percentiles


def event_time_lag(cursor: RealDictCursor, scope: Scope) -> Percentiles:
    """Of the samples in the scope's time, in milliseconds: the result's time minus the message's, while records were scored."""
    return _lag(cursor, scope, "event_time_lag_ms")


def watermark_lag(cursor: RealDictCursor, scope: Scope) -> Percentiles:
    """Likewise: the result's time minus the watermark."""
    return _lag(cursor, scope, "watermark_lag_ms")


def _lag(cursor: RealDictCursor, scope: Scope, metric: str) -> Percentiles:
    return msgspec.convert(ask_one(cursor, "score_job_lag", sampled(scope), metric=metric), Percentiles)
