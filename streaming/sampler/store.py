"""The samples' tables."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from psycopg2.extensions import cursor
from psycopg2.extras import execute_values

from streaming.sampler.kafka import KafkaSample

RAW_FOR = timedelta(days=7)

_KAFKA = """
INSERT INTO kafka_samples (time, topic, partition, "group", end_offset, committed_offset, lag) VALUES %s ON CONFLICT DO NOTHING
"""
# What is not consumed now came after the last sample whose end the group has reached; newest first, that sample is found at once.
_OLDEST = """
SELECT asked.topic, asked."group", extract(epoch FROM %(now)s - min(coalesce(
    (
        SELECT time FROM kafka_samples
        WHERE (topic, partition, "group") = (asked.topic, asked.partition, asked."group") AND end_offset <= asked.committed_offset
        ORDER BY time DESC LIMIT 1
    ),
    (SELECT min(time) FROM kafka_samples WHERE (topic, partition, "group") = (asked.topic, asked.partition, asked."group"))
)))
FROM unnest(%(topics)s, %(partitions)s, %(groups)s, %(committed)s) AS asked (topic, partition, "group", committed_offset)
GROUP BY asked.topic, asked."group"
"""
_OLDEST_HOUR = """
SELECT date_trunc('hour', least(
    (SELECT min(time) FROM kafka_samples), (SELECT min(time) FROM flink_samples), (SELECT min(time) FROM service_samples)
), 'UTC')
"""
_THIN_KAFKA = """
WITH old AS (DELETE FROM kafka_samples WHERE time >= %(hour)s AND time < %(hour)s + interval '1 hour' RETURNING *)
INSERT INTO kafka_samples_hourly AS hourly
    (hour, topic, partition, "group", samples, end_offset, committed_offset, average_lag, largest_lag, last_lag)
SELECT %(hour)s, topic, partition, "group", count(*), max(end_offset), max(committed_offset), avg(lag), max(lag),
       (array_agg(lag ORDER BY time DESC))[1]
FROM old GROUP BY topic, partition, "group"
ON CONFLICT (topic, partition, "group", hour) DO UPDATE SET
    samples = hourly.samples + excluded.samples,
    end_offset = greatest(hourly.end_offset, excluded.end_offset),
    committed_offset = greatest(hourly.committed_offset, excluded.committed_offset),
    average_lag = (hourly.average_lag * hourly.samples + excluded.average_lag * excluded.samples) / (hourly.samples + excluded.samples),
    largest_lag = greatest(hourly.largest_lag, excluded.largest_lag),
    last_lag = excluded.last_lag
"""
_THIN_FLINK = """
WITH old AS (DELETE FROM flink_samples WHERE time >= %(hour)s AND time < %(hour)s + interval '1 hour' RETURNING *)
INSERT INTO flink_samples_hourly AS hourly
SELECT %(hour)s, metric, count(*), avg(value), max(value), (array_agg(value ORDER BY time DESC))[1]
FROM old GROUP BY metric
ON CONFLICT (metric, hour) DO UPDATE SET
    samples = hourly.samples + excluded.samples,
    average = (hourly.average * hourly.samples + excluded.average * excluded.samples) / (hourly.samples + excluded.samples),
    largest = greatest(hourly.largest, excluded.largest),
    last = excluded.last
"""
# An hour keeps cores, not the seconds of a counter that may begin again within it. What was used from its last sample to the first of the
# hour after, which is still there, is the hour's: the hour after begins with that sample.
_THIN_SERVICES = """
WITH old AS (
    DELETE FROM service_samples WHERE time >= %(hour)s AND time < %(hour)s + interval '1 hour' RETURNING *
), counted AS (
    SELECT time, service, value FROM old WHERE metric = 'cpu_seconds'
    UNION ALL (
        SELECT DISTINCT ON (service) time, service, value FROM service_samples
        WHERE metric = 'cpu_seconds' AND time >= %(hour)s + interval '1 hour' AND time < %(hour)s + interval '2 hours'
        ORDER BY service, time
    )
), used AS (
    SELECT time, service, value, extract(epoch FROM lead(time) OVER later - time)::float8 AS seconds, lead(value) OVER later AS next
    FROM counted WINDOW later AS (PARTITION BY service ORDER BY time)
), kept AS (
    SELECT time, service, metric, value, 1 AS weight FROM old WHERE metric <> 'cpu_seconds'
    UNION ALL
    SELECT time, service, 'cpu_cores', (CASE WHEN next >= value THEN next - value ELSE next END) / seconds, seconds
    FROM used WHERE next IS NOT NULL
)
INSERT INTO service_samples_hourly AS hourly
SELECT %(hour)s, service, metric, count(*), sum(value * weight) / sum(weight), max(value), (array_agg(value ORDER BY time DESC))[1]
FROM kept GROUP BY service, metric
ON CONFLICT (service, metric, hour) DO UPDATE SET
    samples = hourly.samples + excluded.samples,
    average = (hourly.average * hourly.samples + excluded.average * excluded.samples) / (hourly.samples + excluded.samples),
    largest = greatest(hourly.largest, excluded.largest),
    last = excluded.last
"""


def add_kafka(into: cursor, now: datetime, samples: Sequence[KafkaSample]) -> dict[tuple[str, str], float]:
    """Store the samples. For each (topic, group) that lags: for how many seconds its oldest unconsumed record has lain there."""
    rows = [(now, each.topic, each.partition, each.group, each.end_offset, each.committed_offset, each.lag) for each in samples]
    execute_values(into, _KAFKA, rows)
    lagging = [each for each in samples if each.lag]
    if not lagging:
        return {}
    into.execute(
        _OLDEST,
        {
            "now": now,
            "topics": [each.topic for each in lagging],
            "partitions": [each.partition for each in lagging],
            "groups": [each.group for each in lagging],
            "committed": [each.committed_offset or 0 for each in lagging],
        },
    )
    return {(topic, group): float(seconds) for topic, group, seconds in into.fetchall()}


def add_flink(into: cursor, now: datetime, values: Mapping[str, float]) -> None:
    """Store the job's metrics."""
    execute_values(into, "INSERT INTO flink_samples (time, metric, value) VALUES %s", [(now, *each) for each in values.items()])


def add_services(into: cursor, now: datetime, used: Mapping[str, Mapping[str, float]]) -> None:
    """Store what each service used."""
    rows = [(now, service, metric, value) for service, values in used.items() for metric, value in values.items()]
    execute_values(into, "INSERT INTO service_samples (time, service, metric, value) VALUES %s", rows)


def thin_an_hour(into: cursor, now: datetime) -> datetime | None:
    """Turn the samples of the oldest hour into hourly ones, if all of it is over 7 days old: that hour, None if there is none.

    What is gone from the raw samples is how far this has come. An hour is little whatever has piled up: no statement times out.
    """
    into.execute(_OLDEST_HOUR)
    row: tuple[datetime | None] = into.fetchone()  # type: ignore[assignment]
    (hour,) = row
    if hour is None or hour + timedelta(hours=1) > now - RAW_FOR:
        return None
    for each in (_THIN_KAFKA, _THIN_FLINK, _THIN_SERVICES):
        into.execute(each, {"hour": hour})
    return hour
