"""What the API process is made of: put together at start, taken apart at the end."""

import asyncio
import logging
import signal
from collections.abc import AsyncIterator, Coroutine, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass

from streaming.clock import Clock, SystemClock
from streaming.errors import AnswerloopError, ConfigurationError, Unreachable
from streaming.kafka.client import Producer
from streaming.kafka.positions import Cluster, KafkaPositions
from streaming.kafka.producer import KafkaProducer
from streaming.model.installed import InstalledModels
from streaming.model.servers import model_server
from streaming.settings import Settings
from streaming.storage import cache as redis_cache
from streaming.storage import repository
from streaming.storage.cache import Cache
from streaming.storage.callback_http import CallbackClient
from streaming.storage.callbacks import Callbacks
from streaming.storage.database import Database
from streaming.storage.enqueuer import MESSAGE_TIMEOUT_S, Enqueuer
from streaming.storage.questions import Questions
from streaming.storage.stuck import StuckQuestions
from streaming.storage.waiting import Listener, Waiters
from streaming.storage.webhook import CallbackPolicy, signing_key

log = logging.getLogger(__name__)

KAFKA_CHECK_S = 2.0


@dataclass
class Parts:
    """The parts that requests use."""

    database: Database
    cache: Cache
    enqueuer: Enqueuer
    listener: Listener
    waiters: Waiters
    questions: Questions
    stuck: StuckQuestions
    models: InstalledModels
    cluster: Cluster
    callbacks: Callbacks | None
    kafka_check: asyncio.Task[Mapping[str, int]] | None = None

    async def health(self) -> tuple[bool, dict[str, str | None]]:
        """Whether questions are accepted, and each dependency's problem, None for none."""
        postgresql, redis, kafka = await asyncio.gather(self._check_database(), self.cache.check(), self._check_kafka())
        problem = postgresql or self.listener.problem
        return problem is None, {"postgresql": problem, "redis": redis, "kafka": kafka or self.enqueuer.problem}

    async def _check_database(self) -> str | None:
        try:
            await self.database.run(repository.provisioned)
        except (Unreachable, ConfigurationError) as err:
            return str(err)
        return None

    async def _check_kafka(self) -> str | None:
        """One question at a time to a cluster that may take long to answer."""
        if self.kafka_check is None or self.kafka_check.done():
            self.kafka_check = asyncio.create_task(asyncio.to_thread(self.cluster.topics))
        done, _ = await asyncio.wait({self.kafka_check}, timeout=KAFKA_CHECK_S)
        if not done:
            return f"Kafka does not answer within {KAFKA_CHECK_S:.0f} s"
        try:
            self.kafka_check.result()
        except (Unreachable, ConfigurationError) as err:
            return str(err)
        return None


@asynccontextmanager
async def assembled(settings: Settings, producer: Producer | None, cluster: Cluster | None) -> AsyncIterator[Parts]:
    """The parts at work. None: the producer and administrator of the configured Kafka."""
    clock = SystemClock()
    database, outbox = Database(settings.database_url, settings.database_pool), Database(settings.database_url, 1)
    cache = Cache(redis_cache.connect(settings.redis_url), clock)
    sender = producer or KafkaProducer(settings.kafka_bootstrap, MESSAGE_TIMEOUT_S, settings.kafka_login)
    cluster = cluster or KafkaPositions(settings.kafka_bootstrap, settings.kafka_login)
    enqueuer = Enqueuer(outbox, sender, clock, settings.max_unenqueued)
    waiters = Waiters()
    listener = Listener(settings.database_url, waiters, clock)
    questions = Questions(database, cache, enqueuer, waiters, clock)
    enqueuing = _supervised("enqueuer", enqueuer.run())
    listening = _supervised("listener", listener.run())
    async with _calling_back(settings, database, clock) as callbacks, model_server(settings) as server:
        models = InstalledModels(server, clock)
        stuck = StuckQuestions(database, cluster, clock)
        try:
            yield Parts(database, cache, enqueuer, listener, waiters, questions, stuck, models, cluster, callbacks)
        finally:
            enqueuer.stop()
            await asyncio.wait({enqueuing}, timeout=MESSAGE_TIMEOUT_S + 1)
            for task in (enqueuing, listening):
                task.cancel()
            await asyncio.gather(enqueuing, listening, return_exceptions=True)
            if producer is None:
                await sender.close()
            await cache.close()
            database.close()
            outbox.close()


@asynccontextmanager
async def _calling_back(settings: Settings, database: Database, clock: Clock) -> AsyncIterator[Callbacks | None]:
    """The sender of callbacks at work; None where no host is allowed. Raises ConfigurationError where nothing could be signed."""
    if not settings.callback_hosts:
        yield None
        return
    secret = settings.callback_secret.get_secret_value() if settings.callback_secret is not None else ""
    policy = CallbackPolicy(settings.callback_hosts, signing_key(secret), settings.callback_allow_private)
    client = CallbackClient(policy)
    callbacks = Callbacks(database, client, policy, clock)
    sending = _supervised("sender of callbacks", callbacks.run())
    try:
        yield callbacks
    finally:
        sending.cancel()
        await asyncio.gather(sending, return_exceptions=True)
        await client.close()


def _supervised(name: str, work: Coroutine[None, None, None]) -> asyncio.Task[None]:
    """A task that must not end by itself: if it fails, the process ends, and its supervisor starts it again."""

    def ended(task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (err := task.exception()) is not None:
            log.critical("the %s failed, and the process ends: %s", name, err, exc_info=None if isinstance(err, AnswerloopError) else err)
            signal.raise_signal(signal.SIGTERM)

    task = asyncio.create_task(work, name=name)
    task.add_done_callback(ended)
    return task
