"""How far scoring ran behind the messages' times."""

import msgspec
from psycopg2.extras import RealDictCursor

from streaming.reports.covered import sampled
from streaming.reports.figures import Scope
from streaming.reports.queries import ask_one
from streaming.reports.run_summary import Percentiles


def event_time_lag(cursor: RealDictCursor, scope: Scope) -> Percentiles:
    """Of the samples in the scope's time, in milliseconds: the result's time minus the message's, while records were scored."""
    return msgspec.convert(ask_one(cursor, "event_time_lag", sampled(scope)), Percentiles)
