"""The shell around a consuming service: signals, the ops endpoints, a producer and the consume loop."""

import asyncio
import logging
import signal
from collections.abc import Callable

from streaming import failpoints, metrics
from streaming.clock import Clock, SystemClock
from streaming.kafka.client import Producer
from streaming.kafka.confluent import KafkaConsumer
from streaming.kafka.consume import ConsumeLoop, Step
from streaming.kafka.producer import KafkaProducer
from streaming.ops import ops_app, serve_ops
from streaming.settings import Settings
from streaming.topics import CONSUMED_BY

log = logging.getLogger(__name__)


async def run_service(settings: Settings, group: str, build: Callable[[Producer, Clock], Step]) -> None:
    """Consume the group's topics with the step that `build` makes, until SIGTERM or SIGINT; then drain.

    What the step raises ends the process, which its supervisor starts again.
    """
    failpoints.arm(settings.failpoints, group)
    clock = SystemClock()
    producer = KafkaProducer(settings.kafka_bootstrap, login=settings.kafka_login)
    step = build(producer, clock)
    consumer = KafkaConsumer(settings.kafka_bootstrap, group, settings.kafka_login)
    loop = ConsumeLoop(consumer, CONSUMED_BY[group], step, clock, settings.fetch_window)

    def problems() -> dict[str, str]:
        return {**({"kafka": loop.problem} if loop.problem else {}), **step.problems()}

    serve_ops(ops_app(group, problems), settings.host, settings.ops_port)
    for topic in CONSUMED_BY[group]:
        metrics.RECORDS.labels(group, topic)
        metrics.DEAD_LETTERS.labels(group, topic)
    metrics.IN_FLIGHT.labels(group).set_function(lambda: loop.in_flight)
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, loop.stop)
    log.info("%s starts, Kafka at %s", group, settings.kafka_bootstrap)
    try:
        await loop.run()
    finally:
        await producer.close()
    log.info("%s stopped", group)
