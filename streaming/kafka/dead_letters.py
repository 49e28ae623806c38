"""Records that nobody can use: kept in `dead-letters`, and their questions are told that no answer comes."""

import logging

from streaming import contracts, metrics, topics
from streaming.clock import Clock
from streaming.errors import InvalidMessage
from streaming.kafka.client import Producer, Record

log = logging.getLogger(__name__)


async def bury(producer: Producer, service: str, record: Record, cause: str, reason: str, clock: Clock) -> None:
    """Write the dead letter and, where its question can be told, the fatal message with this cause.

    Returns once both are delivered. Raises DeliveryFailed.
    """
    log.error("%s: %s; the record goes to %s (%s)", record, reason, topics.DEAD_LETTERS, cause)
    letter = contracts.dead_letter(record.topic, record.partition, record.offset, record.value, reason, clock.now())
    key = str(letter.question_id) if letter.question_id else f"{record}"
    await producer.send(topics.DEAD_LETTERS, key, contracts.encode(letter))
    metrics.DEAD_LETTERS.labels(service, record.topic).inc()
    if _is_the_last_word(record, cause):
        return
    fatal = contracts.fatal_for_dead_letter(record.value, cause, reason, clock.now())
    if fatal is not None:
        await producer.send(topics.FATAL, str(fatal.question_id), contracts.encode(fatal))


def _is_the_last_word(record: Record, cause: str) -> bool:
    """Whether the record is a fatal message of this function's own making: it must not breed another for ever."""
    if record.topic != topics.FATAL:
        return False
    try:
        return contracts.decode(contracts.Fatal, record.value).error_type == cause
    except InvalidMessage:
        return False
