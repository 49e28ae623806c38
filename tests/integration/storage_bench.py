"""Storage on the stack's PostgreSQL and Redis, in a schema of its own: no other service writes there or empties its outbox."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar
from urllib.parse import quote
from uuid import UUID, uuid4

import httpx
import psycopg2
import pytest
from psycopg2.extras import RealDictCursor

from streaming import contracts, topics
from streaming.clock import SystemClock
from streaming.kafka.client import Committed, Record, TopicPartition
from streaming.kafka.memory import MemoryBroker
from streaming.kafka.positions import Log
from streaming.postgres.connect import LOOK_UP_S, connect
from streaming.provision import MIGRATIONS
from streaming.settings import Settings
from streaming.storage import cache as redis_cache
from streaming.storage.api import create_app
from streaming.storage.cache import Cache
from streaming.storage.database import Database
from streaming.storage.persister import Persister

T = TypeVar("T")

DEADLINE_S = 20.0
NOWHERE = "127.0.0.1:9"


async def until(look: Callable[[], Awaitable[T | None]], what: str) -> T:
    """The first result that is neither None nor false, within the deadline."""
    try:
        async with asyncio.timeout(DEADLINE_S):
            while not (found := await look()):
                await asyncio.sleep(0.02)
    except TimeoutError:
        pytest.fail(f"not within {DEADLINE_S:.0f} s: {what}")
    return found


class AtRest:
    """A cluster in which nothing moves, and how often it was asked."""

    def __init__(self) -> None:
        self.asked = 0

    def topics(self) -> Mapping[str, int]:
        return {}

    def partitions(self, topics: Collection[str]) -> Collection[TopicPartition]:
        return [TopicPartition(topic, 0) for topic in topics]

    def logs(self, topics: Collection[str]) -> Mapping[TopicPartition, Log]:
        self.asked += 1
        return dict.fromkeys(self.partitions(topics), Log(0, 7))

    def positions(self, group: str, partitions: Collection[TopicPartition]) -> Mapping[TopicPartition, Committed]:
        return dict.fromkeys(partitions, Committed(7, ""))


@dataclass
class Storage:
    """One schema, one broker in memory; applications and a persister on them."""

    settings: Settings
    broker: MemoryBroker
    cluster: AtRest = field(default_factory=AtRest)
    answer_set: str = field(default_factory=lambda: f"test-{uuid4().hex}")

    def rows(self, statement: str, *values: Any) -> list[dict[str, Any]]:
        """What a statement returns, in a transaction of its own."""
        connection = connect(self.settings.database_url, LOOK_UP_S)
        try:
            with connection, connection.cursor(cursor_factory=RealDictCursor) as cursor:
                cursor.execute(statement, values)
                return [dict(row) for row in cursor.fetchall()] if cursor.description else []
        finally:
            connection.close()

    def question(self, question_id: UUID | str) -> dict[str, Any]:
        """The question's row."""
        (row,) = self.rows("SELECT * FROM questions WHERE question_id = %s", str(question_id))
        return row

    def break_connections(self) -> int:
        """End every connection of this schema's services, as a restart of PostgreSQL does; returns how many."""
        return len(
            self.rows(
                """SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                   WHERE application_name = current_setting('search_path') AND pid <> pg_backend_pid()"""
            )
        )

    @asynccontextmanager
    async def api(self, **settings: Any) -> AsyncIterator[httpx.AsyncClient]:
        """An application at work, and a client of it."""
        app = create_app(self.settings.model_copy(update=settings), self.broker.producer(), self.cluster)
        async with (
            app.router.lifespan_context(app),
            httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://localhost", timeout=DEADLINE_S) as client,
        ):
            yield client

    async def ask(self, api: httpx.AsyncClient, text: str, **fields: Any) -> httpx.Response:
        """POST a question in the answer set of this test."""
        return await api.post("/questions", json={"question_text": text, "answer_set": self.answer_set, **fields})

    async def message(self, question_id: str) -> contracts.Question:
        """The newest message of a question in questions-pending."""

        async def look() -> contracts.Question | None:
            submission = self.question(question_id)["submission_id"]
            found = [contracts.decode(contracts.Question, record.value) for record in self.broker.records(topics.PENDING)]
            return next((each for each in found if each.submission_id == submission), None)

        return await until(look, f"{question_id} is enqueued")

    async def persist(self, *messages: contracts.Message | bytes, topic: str | None = None) -> None:
        """Let a persister store these, as one batch, and wait until all are done."""
        clock = SystemClock()
        cache = Cache(redis_cache.connect(self.settings.redis_url), clock)
        step = Persister(Database(self.settings.database_url, 2), cache, self.broker.producer(), clock, 500, 0.02)
        left = set(range(len(messages)))
        for offset, message in enumerate(messages):
            value = message if isinstance(message, bytes) else contracts.encode(message)
            place = topic or next(spec.name for spec in topics.TOPICS if spec.message is type(message))
            step.take(Record(place, 0, offset, None, value, 0), lambda offset=offset: left.discard(offset))  # type: ignore[misc]
        running = asyncio.create_task(step.run())

        async def stored() -> bool:
            if running.done():
                running.result()
            return not left

        try:
            await until(stored, "everything is stored")
        finally:
            running.cancel()
            await asyncio.wait({running})


@contextmanager
def storage() -> Iterator[Storage]:
    """An empty schema with all tables, dropped at the end."""
    settings = Settings()
    schema = f"test_{uuid4().hex}"
    separator = "&" if "?" in settings.owner_url else "?"
    url = f"{settings.owner_url}{separator}application_name={schema}&options={quote(f'-c search_path={schema}', safe='')}"
    owner = psycopg2.connect(settings.owner_url)
    owner.autocommit = True
    with owner.cursor() as cursor:
        cursor.execute(f"CREATE SCHEMA {schema}; SET search_path TO {schema}")
        for migration in sorted(MIGRATIONS.glob("*.sql")):
            if not migration.name.endswith(".rollback.sql"):
                cursor.execute(migration.read_text())
    broker = MemoryBroker()
    for spec in topics.TOPICS:
        broker.create(spec.name, spec.partitions)
    try:
        with pytest.MonkeyPatch.context() as patch:
            # A busy machine must not make Redis look as if it were away.
            patch.setattr(redis_cache, "TIMEOUT_S", DEADLINE_S)
            yield Storage(settings.model_copy(update={"database_url": url, "ollama_url": f"http://{NOWHERE}", "database_pool": 4}), broker)
    finally:
        with owner.cursor() as cursor:
            cursor.execute(f"DROP SCHEMA {schema} CASCADE")
        owner.close()
