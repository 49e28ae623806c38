"""Reads what is left of a run from a stack at rest: every topic, the tables, the cache and the log of the model's calls."""

import json
import time
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import confluent_kafka as ck
import msgspec
from psycopg2.extensions import ISOLATION_LEVEL_REPEATABLE_READ
from psycopg2.extras import RealDictCursor
from redis import Redis

from streaming.contracts import DeadLetter, decode, readable_question_id
from streaming.errors import InvalidMessage, Unreachable
from streaming.kafka.client import TopicPartition
from streaming.kafka.positions import Cluster, KafkaPositions
from streaming.postgres.connect import LOOK_UP_S, connect
from streaming.settings import Settings
from streaming.storage.outcomes import EXTERNAL
from streaming.topics import CONSUMED_BY, DEAD_LETTERS, TOPICS
from tests.chaos.checks_kafka import BURIED_AS
from tests.chaos.evidence import Asked, Call, Commit, Evidence, Record
from tests.chaos.messages import place

READ_DEADLINE_S = 120.0
REDIS_TIMEOUT_S = 5.0
FETCH_MOST = 1_000

OF_QUESTIONS = "SELECT t.* FROM {} t JOIN questions q USING (question_id) WHERE q.answer_set = %(answer_set)s"
TABLES = {
    "questions": "SELECT * FROM questions WHERE answer_set = %(answer_set)s",
    "submissions": OF_QUESTIONS.format("submissions"),
    "answers": OF_QUESTIONS.format("answers"),
    "attempts": OF_QUESTIONS.format("attempts"),
    "failed_questions": OF_QUESTIONS.format("failed_questions"),
    # No table holds dead letters; these are the attempts that they ended.
    "dead_letters": OF_QUESTIONS.format("attempts") + " AND t.outcome = 'fatal' AND t.error_type = ANY(%(buried)s)",
}
# A question that a message brought and nobody claimed is in no answer set of anybody's: a stranger's messages must stay visible.
OTHERS = "SELECT question_id, question_text FROM questions WHERE NOT answer_set = ANY(%s)"


def gather(
    settings: Settings, answer_set: str, since: float, ledger: Sequence[Asked], commits: Sequence[Commit], calls_file: Path
) -> Evidence:
    """Everything that is left of a run that began at `since` (epoch seconds). The last of the commits are those of this moment.

    Raises Unreachable past a deadline, and what a client of the stack raises for what it cannot read.
    """
    kafka = KafkaPositions(settings.kafka_bootstrap)
    places = kafka.partitions([spec.name for spec in TOPICS])
    committed = _committed(kafka, places, time.time())
    ends = {place: log.end for place, log in kafka.logs([spec.name for spec in TOPICS]).items()}
    rows, others = _rows(settings.database_url, answer_set)
    records = since_then(list(records_below(settings.kafka_bootstrap, ends, READ_DEADLINE_S)), since)
    calls = calls_in(calls_file.read_text().splitlines())
    of_others = set(others.values()) - {line.question_text for line in ledger}
    return Evidence(
        answer_set=answer_set,
        ledger=tuple(ledger),
        records=tuple(record for record in records if not is_about_one_of(others, record)),
        log_ends={(place.topic, place.partition): end for place, end in ends.items()},
        commits=(*commits, *committed),
        cache=_cached(settings.redis_url, {line.question_id for line in ledger}),
        calls=tuple(call for call in calls if call.begun_at >= since and call.prompt not in of_others),
        **rows,
    )


def calls_in(lines: Iterable[str]) -> list[Call]:
    """The calls in a log of the model's server, a line of JSON each. Raises ValueError, TypeError for a line that is none."""
    return [Call(**json.loads(line)) for line in lines]


def since_then(records: Sequence[Record], since: float) -> list[Record]:
    """Those that the broker has taken since (epoch seconds), without the dead letters of earlier ones, which a group may read again."""
    before = {place(record) for record in records if record.timestamp_ms < since * 1000}
    return [record for record in records if place(record) not in before and _buried(record) not in before]


def _buried(record: Record) -> tuple[str, int, int] | None:
    """Where the record lies that a dead letter is about; None for what is no dead letter."""
    if record.topic != DEAD_LETTERS:
        return None
    try:
        letter = decode(DeadLetter, record.value)
    except InvalidMessage:
        return None
    return letter.topic, letter.partition, letter.offset


def is_about_one_of(questions: Collection[UUID], record: Record) -> bool:
    """Whether it names one of these questions. A record that names none may belong to any run, and to nobody."""
    return readable_question_id(record.value) in questions


def entry(raw: bytes) -> Mapping[str, Any]:
    """What Redis holds under a key; the bytes themselves where they are no JSON object, which the checker then finds to be no answer."""
    try:
        fields = msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return {"bytes": raw}
    return fields if isinstance(fields, dict) else {"bytes": raw}


def _committed(kafka: Cluster, places: Collection[TopicPartition], now: float) -> list[Commit]:
    return [
        Commit(now, group, place.topic, place.partition, position.offset)
        for group, consumed in CONSUMED_BY.items()
        for place, position in kafka.positions(group, [each for each in places if each.topic in consumed]).items()
        if position.offset is not None
    ]


def records_below(bootstrap: str, ends: Mapping[TopicPartition, int], deadline_s: float) -> Iterator[Record]:
    """The records below the ends, by a consumer of no group; one after another, since those of earlier runs may be many.

    Raises Unreachable past the deadline.
    """
    unread = {place: end for place, end in ends.items() if end > 0}
    consumer = ck.Consumer(
        {"bootstrap.servers": bootstrap, "group.id": f"gathering-{uuid4()}", "enable.auto.commit": False, "auto.offset.reset": "error"}
    )
    deadline = time.monotonic() + deadline_s
    with closing(consumer):
        consumer.assign([ck.TopicPartition(place.topic, place.partition, 0) for place in unread])
        while unread:
            if time.monotonic() > deadline:
                raise Unreachable(f"Kafka at {bootstrap}: not read within {deadline_s:.0f} s: {', '.join(map(str, unread))}")
            for message in consumer.consume(FETCH_MOST, 0.5):
                if message.error() is not None:
                    raise ck.KafkaException(message.error())
                place = TopicPartition(message.topic(), message.partition())
                if message.offset() < ends[place]:
                    yield Record(*place, message.offset(), message.timestamp()[1], message.key(), message.value())
                if message.offset() + 1 >= ends[place]:
                    unread.pop(place, None)


def _rows(url: str, answer_set: str) -> tuple[dict[str, tuple[Mapping[str, Any], ...]], dict[UUID, str]]:
    """The rows of the answer set, by table, and the texts of the questions of other people's answer sets; all of one moment."""
    with closing(connect(url, LOOK_UP_S)) as connection:
        connection.set_session(isolation_level=ISOLATION_LEVEL_REPEATABLE_READ, readonly=True)
        rows = {}
        with connection.cursor(cursor_factory=RealDictCursor) as cursor:
            for table, query in TABLES.items():
                cursor.execute(query, {"answer_set": answer_set, "buried": list(BURIED_AS)})
                rows[table] = tuple(dict(row) for row in cursor.fetchall())
        with connection.cursor() as cursor:
            cursor.execute(OTHERS, ([answer_set, EXTERNAL],))
            return rows, dict(cursor.fetchall())


def _cached(url: str, questions: Collection[UUID]) -> dict[UUID, Mapping[str, Any]]:
    if not questions:
        return {}
    asked = list(questions)
    with closing(Redis.from_url(url, socket_timeout=REDIS_TIMEOUT_S, socket_connect_timeout=REDIS_TIMEOUT_S)) as client:
        held = client.mget([f"answerloop:answer:{question}" for question in asked])
    return {question: entry(raw) for question, raw in zip(asked, held, strict=True) if raw is not None}
