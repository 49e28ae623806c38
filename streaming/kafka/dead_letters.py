"""Records that nobody can use: kept in `dead-letters`, and their questions are told that no answer comes."""

import logging
from collections.abc import Awaitable, Callable

from streaming import metrics, topics
from streaming.burial import Outgoing, buried
from streaming.clock import Clock
from streaming.kafka.client import Record
from streaming.record_json import cleaned

log = logging.getLogger(__name__)


async def bury(send: Callable[[Outgoing], Awaitable[object]], service: str, record: Record, cause: str, reason: str, clock: Clock) -> None:
    """Write the dead letter and, where its question can be told, the fatal message with this cause.

    `send` returns once the record is delivered, however long that takes; what it sends always fits a topic.
    """
    log.error("%s: %s; the record goes to %s (%s)", record, cleaned(reason), topics.DEAD_LETTERS, cause)
    for outgoing in buried(record.topic, record.partition, record.offset, record.value, cause, reason, clock.now()):
        await send(outgoing)
        if outgoing.topic == topics.DEAD_LETTERS:
            metrics.DEAD_LETTERS.labels(service, record.topic).inc()
