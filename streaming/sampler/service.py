"""The sampler's service: every 15 s a sample of Kafka and one of Flink, to PostgreSQL and to the metrics."""

import asyncio
import logging
import signal
from collections.abc import Callable
from datetime import datetime

import httpx

from streaming import metrics
from streaming.clock import Clock, SystemClock
from streaming.errors import ConfigurationError, Unreachable
from streaming.kafka.admin import KafkaAdmin
from streaming.ops import serve_ops
from streaming.sampler import flink, kafka, store
from streaming.settings import Settings

log = logging.getLogger(__name__)

SERVICE = "sampler"
EVERY_S = 15.0
THIN_EVERY_S = 3600.0


class Sampler:
    """Takes samples; `problems` says what could not be sampled the last time."""

    def __init__(self, database_url: str, cluster: kafka.Cluster, http: httpx.Client, clock: Clock) -> None:
        self._database_url = database_url
        self._cluster = cluster
        self._http = http
        self._clock = clock
        self._thinned_at: float | None = None
        self.problems: dict[str, str] = {}

    def sample(self) -> None:
        """One round. Blocks. What is away is tried again in the next round; the other samples are taken all the same."""
        now = self._clock.now()
        self._try("kafka", lambda: self._sample_kafka(now))
        self._try("flink", lambda: self._sample_flink(now))
        if self._thinned_at is None or self._clock.monotonic() - self._thinned_at >= THIN_EVERY_S:
            self._try("thinning", lambda: self._thin(now))

    def _try(self, source: str, work: Callable[[], None]) -> None:
        try:
            work()
        except (Unreachable, ConfigurationError) as err:
            if source not in self.problems:
                log.warning("no sample of %s: %s", source, err)
            self.problems[source] = str(err)
            metrics.SAMPLES.labels(source, "failed").inc()
        else:
            if self.problems.pop(source, None):
                log.info("%s is sampled again", source)
            metrics.SAMPLES.labels(source, "taken").inc()

    def _sample_kafka(self, now: datetime) -> None:
        samples = kafka.take(self._cluster)
        for each in samples:
            metrics.KAFKA_END_OFFSET.labels(each.topic, each.partition).set(each.end_offset)
            if each.group != kafka.NOBODY:
                metrics.KAFKA_LAG.labels(each.group, each.topic, each.partition).set(each.lag)
        with store.transaction(self._database_url) as into:
            oldest = store.add_kafka(into, now, samples)
        for topic, group in {(each.topic, each.group) for each in samples if each.group != kafka.NOBODY}:
            metrics.KAFKA_OLDEST.labels(group, topic).set(oldest.get((topic, group), 0.0))

    def _sample_flink(self, now: datetime) -> None:
        values = flink.take(self._http)
        if values:
            with store.transaction(self._database_url) as into:
                store.add_flink(into, now, values)

    def _thin(self, now: datetime) -> None:
        with store.transaction(self._database_url) as into:
            made = store.thin(into, now)
        self._thinned_at = self._clock.monotonic()
        if made:
            log.info("samples of over %d days became %d hourly ones", store.RAW_FOR.days, made)


async def run(settings: Settings) -> None:
    """Sample until SIGTERM or SIGINT."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    clock = SystemClock()
    with httpx.Client(base_url=settings.flink_url, timeout=flink.TIMEOUT_S, trust_env=False) as http:
        sampler = Sampler(settings.database_url, KafkaAdmin(settings.kafka_bootstrap), http, clock)
        serve_ops(SERVICE, settings.host, settings.ops_port, lambda: sampler.problems)
        log.info("%s starts, Kafka at %s, Flink at %s", SERVICE, settings.kafka_bootstrap, settings.flink_url)
        while not stop.is_set():
            began = clock.monotonic()
            await asyncio.to_thread(sampler.sample)
            try:
                await asyncio.wait_for(stop.wait(), max(0.0, EVERY_S - (clock.monotonic() - began)))
            except TimeoutError:
                continue
    log.info("%s stopped", SERVICE)
