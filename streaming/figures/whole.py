"""The whole loop's part of a report: requests, latencies, failures, stages and where everything went."""

from datetime import datetime

import msgspec
from psycopg2.extras import RealDictCursor

from streaming import topics
from streaming.figures.buckets import LATENCY_EDGES_MS, Series, histogram, series, step_s
from streaming.figures.queries import ask, ask_one
from streaming.figures.scope import Rows, Scope, covered, sampled
from streaming.figures.values import Flow, Service, Whole


def whole(cursor: RealDictCursor, scope: Scope) -> Whole:
    """Requests and latencies cover the scope's requests, the rest its own trips; replays stand apart."""
    rows = covered(scope)
    requests = ask_one(cursor, "requests", rows, edges=LATENCY_EDGES_MS)
    failures = ask_one(cursor, "failures", rows)["counts"]
    flows = [Flow(**row) for row in ask(cursor, "flows", rows)]
    answered, failed = sum(flow.count for flow in flows if flow.target == "answered"), sum(failures.values())
    figures = {
        **requests,
        "requests": requests["total"],
        "latency_distribution": histogram(LATENCY_EDGES_MS, ("perceived", "real"), requests["bins"]),
        "questions_per_s": requests["ended_per_s"],
        "answered": answered,
        "failed": failed,
        "failure_rate": failed / (answered + failed) if answered + failed else None,
        "failures": failures,
        "stages": ask_one(cursor, "stages", rows),
        "services": services(cursor, scope),
        "over_time": _over_time(cursor, scope, rows),
        "flows": flows,
        "replays": ask_one(cursor, "replays", rows),
        "dead_letters": ask_one(cursor, "dead_letters", sampled(scope), topic=topics.DEAD_LETTERS)["taken"],
    }
    return msgspec.convert(figures, Whole)


def _over_time(cursor: RealDictCursor, scope: Scope, rows: Rows) -> Series | None:
    """A day from end to end; a run from its first request to its last end, within the scope. None without any request."""
    span = ask_one(cursor, "span", rows)
    if span["first"] is None:
        return None
    # Just past the last end, so that it lies in the last bucket.
    start, until = (scope.since, scope.until) if scope.run_id is None else (span["first"], span["last"] + datetime.resolution)
    step = step_s((until - start).total_seconds())
    return series(start, until, step, ask(cursor, "over_time", rows, start=start, step_s=step))


def services(cursor: RealDictCursor, scope: Scope) -> list[Service]:
    """What each service used that has samples in the scope's time, by name."""
    return [msgspec.convert(row, Service) for row in ask(cursor, "services", sampled(scope))]
