"""What is sent for a record that nobody can use: its dead letter, and the fatal message that ends the wait for its question. Pure.

Making them cannot fail, and each is a fraction of what a topic takes: the record that brought a consumer here may hold any bytes.
"""

from datetime import datetime
from typing import NamedTuple

from streaming import contracts, topics
from streaming.errors import InvalidMessage


class Outgoing(NamedTuple):
    """A record to send."""

    topic: str
    key: str
    value: bytes


def buried(topic: str, partition: int, offset: int, value: bytes | None, cause: str, reason: str, now: datetime) -> tuple[Outgoing, ...]:
    """The dead letter and, where the record's question can be told, the fatal message with this cause."""
    letter = letter_of(topic, partition, offset, value, reason, now)
    if _is_the_last_word(topic, value, cause):
        return (letter,)
    fatal = contracts.fatal_for_dead_letter(value, cause, reason, now)
    if fatal is None:
        return (letter,)
    return (letter, Outgoing(topics.FATAL, str(fatal.question_id), contracts.encode(fatal)))


def letter_of(topic: str, partition: int, offset: int, value: bytes | None, reason: str, now: datetime) -> Outgoing:
    """The dead letter alone, keyed by its question, or by its place where that is unknown."""
    letter = contracts.dead_letter(topic, partition, offset, value, reason, now)
    key = str(letter.question_id or f"{topic}[{partition}]@{offset}")
    return Outgoing(topics.DEAD_LETTERS, key, contracts.encode(letter))


def _is_the_last_word(topic: str, value: bytes | None, cause: str) -> bool:
    """Whether the record is a fatal message of this function's own making: it must not breed another for ever."""
    if topic != topics.FATAL:
        return False
    try:
        return contracts.decode(contracts.Fatal, value).error_type == cause
    except InvalidMessage:
        return False
