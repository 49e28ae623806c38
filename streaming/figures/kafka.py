"""Kafka's part of a report: lag, throughput and waiting by topic. Samples are not tied to a run: a run's figures of lag and throughput are
those of its time, whoever sent what."""

import math
from collections.abc import Sequence
from itertools import groupby
from typing import Any

import msgspec
from psycopg2.extras import RealDictCursor

from streaming import topics
from streaming.figures.buckets import Series, step_s
from streaming.figures.queries import ask
from streaming.figures.run_summary import Percentiles
from streaming.figures.scope import Scope, covered, sampled
from streaming.figures.values import Kafka, Lag, Throughput

Buckets = dict[tuple[str, str], list[dict[str, Any]]]

# The topics whose messages' times are in the tables; of errors the group that asks again is one that reads them beside another.
_TIMED = {
    "pending": topics.PENDING,
    "success": topics.SUCCESS,
    "overload": topics.OVERLOAD,
    "quota": topics.QUOTA,
    "fatal": topics.FATAL,
    "validated": topics.VALIDATED,
    "low_quality": topics.LOW_QUALITY,
    "retry_overload": f"{topics.OVERLOAD} / {topics.RETRY_OVERLOAD}",
    "retry_quota": f"{topics.QUOTA} / {topics.RETRY_QUOTA}",
}


def kafka(cursor: RealDictCursor, scope: Scope) -> Kafka:
    """Lags and throughput from the samples of the scope's time, produce to consume from the scope's own trips."""
    step = step_s((scope.until - scope.since).total_seconds())
    found = ask(cursor, "kafka_lag", sampled(scope), step_s=step)
    buckets = {key: list(rows) for key, rows in groupby(found, key=lambda row: (row["topic"], row["group"]))}
    lags = [_lag(*key, rows) for key, rows in buckets.items()]
    queue = next((each for each in lags if (each.topic, each.group) == (topics.PENDING, topics.LLM_CONSUMER)), None)
    took = ask(cursor, "produce_to_consume", covered(scope), **_TIMED)
    return Kafka(
        lag=lags,
        lag_over_time=_over_time(scope, step, buckets) if buckets else None,
        throughput=[msgspec.convert(row, Throughput) for row in ask(cursor, "kafka_throughput", sampled(scope))],
        produce_to_consume={row.pop("topic"): msgspec.convert(row, Percentiles) for row in took},
        mean_queue_size=queue.mean if queue else None,
        largest_queue_size=queue.largest if queue else None,
    )


def _lag(topic: str, group: str, buckets: Sequence[dict[str, Any]]) -> Lag:
    samples = sum(each["samples"] for each in buckets)
    return Lag(
        topic=topic,
        group=group,
        mean=sum(each["sum"] for each in buckets) / samples,
        largest=max(each["largest"] for each in buckets),
        last=buckets[-1]["last"],
    )


def _over_time(scope: Scope, step: int, buckets: Buckets) -> Series:
    """The mean of each bucket."""
    count = max(1, math.ceil((scope.until - scope.since).total_seconds() / step))
    lines: dict[str, Sequence[float | None]] = {}
    for (topic, group), rows in buckets.items():
        means = {row["bucket"]: row["sum"] / row["samples"] for row in rows}
        lines[f"{topic} / {group}"] = [means.get(bucket) for bucket in range(count)]
    return Series(scope.since, float(step), lines)
