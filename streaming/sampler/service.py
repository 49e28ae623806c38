"""The sampler's service: every 15 s a sample of Kafka, of Flink and of each service, to PostgreSQL and to the metrics."""

import asyncio
import logging
import signal
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial

import httpx

from streaming import metrics
from streaming.clock import Clock, SystemClock
from streaming.errors import ConfigurationError, LoginRefused, Unreachable
from streaming.flink_rest import FlinkRest
from streaming.kafka.positions import Cluster, KafkaPositions
from streaming.ops import ops_app, serve_ops
from streaming.postgres.connect import transaction
from streaming.sampler import flink, kafka, services, store
from streaming.services import SAMPLER
from streaming.settings import Settings

log = logging.getLogger(__name__)

EVERY_S = 15.0
STATEMENT_S = 10.0
THIN_EVERY_S = 3600.0
THIN_MOST_HOURS = 24
"""Hours of samples in a round; what is left after a pause of days waits for the next ones."""


@dataclass(frozen=True)
class Targets:
    """The services to sample: addresses by name. `token` goes to the one at `api_url` alone."""

    http: httpx.Client
    addresses: Mapping[str, str] = field(default_factory=dict)
    api_url: str = ""
    token: str | None = None


class Sampler:
    """Takes samples. `problems`: what could not be sampled the last time; `away`: services, without which it can work."""

    def __init__(self, database_url: str, cluster: Cluster, rest: FlinkRest, targets: Targets, clock: Clock) -> None:
        self._database_url = database_url
        self._cluster = cluster
        self._flink = rest
        self._targets = targets
        self._clock = clock
        self._job = flink.JobSample()
        self._thinned_at: float | None = None
        self.problems: dict[str, str] = {}
        self.away: dict[str, str] = {}

    def sample(self) -> None:
        """One round. Blocks. What is away is tried again in the next round; the other samples are taken all the same.

        Raises LoginRefused.
        """
        now = self._clock.now()
        self._try("kafka", lambda: self._sample_kafka(now), self.problems)
        self._try("flink", lambda: self._sample_flink(now), self.problems)
        self._try("services", lambda: self._sample_services(now), self.problems)
        if self._thinned_at is None or self._clock.monotonic() - self._thinned_at >= THIN_EVERY_S:
            self._try("thinning", lambda: self._thin(now), self.problems)

    def _try(self, source: str, work: Callable[[], None], failing: dict[str, str]) -> None:
        try:
            work()
        except LoginRefused:
            raise
        except (Unreachable, ConfigurationError) as err:
            if source not in failing:
                log.warning("no sample of %s: %s", source, err)
            failing[source] = str(err)
            metrics.SAMPLES.labels(source, "failed").inc()
        else:
            if failing.pop(source, None):
                log.info("%s is sampled again", source)
            metrics.SAMPLES.labels(source, "taken").inc()

    def _sample_kafka(self, now: datetime) -> None:
        samples = kafka.take(self._cluster)
        for each in samples:
            metrics.KAFKA_END_OFFSET.labels(each.topic, each.partition).set(each.end_offset)
            if each.group != kafka.NOBODY:
                metrics.KAFKA_LAG.labels(each.group, each.topic, each.partition).set(each.lag)
        with transaction(self._database_url, STATEMENT_S) as into:
            oldest = store.add_kafka(into, now, samples)
        for topic, group in {(each.topic, each.group) for each in samples if each.group != kafka.NOBODY}:
            metrics.KAFKA_OLDEST.labels(group, topic).set(oldest.get((topic, group), 0.0))

    def _sample_flink(self, now: datetime) -> None:
        before, self._job = self._job, flink.take(self._flink)
        values, used = flink.measured(before, self._job), flink.processes(self._flink)
        with transaction(self._database_url, STATEMENT_S) as into:
            if values:
                store.add_flink(into, now, values)
            store.add_services(into, now, used)

    def _sample_services(self, now: datetime) -> None:
        used: dict[str, dict[str, float]] = {}
        for name, url in self._targets.addresses.items():
            self._try(name, partial(self._sample_service, name, url, used), self.away)
        with transaction(self._database_url, STATEMENT_S) as into:
            store.add_services(into, now, used)

    def _sample_service(self, name: str, url: str, used: dict[str, dict[str, float]]) -> None:
        token = self._targets.token if url == self._targets.api_url else None
        used |= services.take(self._targets.http, name, url, token)

    def _thin(self, now: datetime) -> None:
        for _ in range(THIN_MOST_HOURS):
            with transaction(self._database_url, STATEMENT_S) as into:
                hour = store.thin_an_hour(into, now)
            if hour is None:
                self._thinned_at = self._clock.monotonic()
                return
            log.info("the samples of the hour from %s on, over %d days ago, became hourly ones", hour, store.RAW_FOR.days)


async def run(settings: Settings) -> None:
    """Sample until SIGTERM or SIGINT."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    clock = SystemClock()
    token = settings.api_token.get_secret_value() if settings.api_token else None
    with (
        httpx.Client(timeout=flink.TIMEOUT_S, trust_env=False) as of_flink,
        httpx.Client(timeout=services.TIMEOUT_S, trust_env=False) as of_services,
    ):
        targets = Targets(of_services, settings.sampler_targets, settings.api_url, token)
        cluster = KafkaPositions(settings.kafka_bootstrap, settings.kafka_login)
        sampler = Sampler(settings.database_url, cluster, FlinkRest(settings.flink_url, of_flink), targets, clock)
        serve_ops(ops_app(SAMPLER, lambda: sampler.problems), settings.host, settings.ops_port)
        log.info(
            "%s starts, Kafka at %s, Flink at %s, %d services",
            SAMPLER,
            settings.kafka_bootstrap,
            settings.flink_url,
            len(targets.addresses),
        )
        while not stop.is_set():
            began = clock.monotonic()
            await asyncio.to_thread(sampler.sample)
            try:
                async with asyncio.timeout(max(0.0, EVERY_S - (clock.monotonic() - began))):
                    await stop.wait()
            except TimeoutError:
                continue
    log.info("%s stopped", SAMPLER)
