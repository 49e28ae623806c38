"""What PostgreSQL knows of the loop's health."""

from answerloop_airflow.pages.database import Database, Row
from streaming.topics import DEAD_LETTERS

# Both have partial indexes: what is pending is little, whatever was answered before.
_PENDING = """
SELECT count(*) AS pending, count(*) FILTER (WHERE enqueued_at IS NULL) AS unenqueued,
       extract(epoch FROM now() - min(submitted_at))::float8 AS oldest_s
FROM questions WHERE status = 'pending'
"""
_LAG = """
SELECT "group", topic, sum(lag)::bigint AS lag, sum(end_offset)::bigint AS records, extract(epoch FROM now() - max(time))::float8 AS age_s
FROM kafka_samples WHERE time = (SELECT max(time) FROM kafka_samples)
GROUP BY "group", topic ORDER BY "group" = '', "group", topic
"""
_DEAD_LETTERS = """
SELECT greatest(coalesce(sum(now.end_offset - before.end_offset), 0), 0)::bigint AS records
FROM kafka_samples now JOIN kafka_samples before USING (topic, partition)
WHERE now.time = (SELECT max(time) FROM kafka_samples) AND topic = %(topic)s
  AND before.time = (SELECT min(time) FROM kafka_samples WHERE time > now() - interval '1 day')
"""


def pending(database: Database) -> Row:
    """Questions without an end: how many, how many of them not in Kafka yet, the oldest one's age in seconds."""
    row = database.row(_PENDING)
    assert row is not None
    return row


def lag(database: Database) -> list[Row]:
    """By group and topic, at the newest sample; topics that nobody reads come last, with an empty group."""
    return database.rows(_LAG)


def dead_letters_lately(database: Database) -> int:
    """Records that came to the dead letters within a day, as far as it was sampled."""
    row = database.row(_DEAD_LETTERS, topic=DEAD_LETTERS)
    assert row is not None
    return int(row["records"])
