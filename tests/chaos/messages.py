"""The records of a run as messages: those of a topic, and those of an attempt."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any, NamedTuple
from uuid import UUID

from streaming.contracts import decode
from streaming.errors import InvalidMessage
from streaming.topics import DEAD_LETTERS, MESSAGE_OF
from tests.chaos.evidence import Record


class Told(NamedTuple):
    """A record and the message that it holds."""

    record: Record
    message: Any


def place(record: Record) -> tuple[str, int, int]:
    """Where a record lies."""
    return record.topic, record.partition, record.offset


class Messages:
    """Every record of the loop's topics, decoded once; a message may well be there twice."""

    def __init__(self, records: Sequence[Record]) -> None:
        self.unreadable: list[tuple[Record, str]] = []
        self._of_topic: dict[str, list[Told]] = defaultdict(list)
        self._of_attempt: dict[tuple[str, UUID, int], list[Told]] = defaultdict(list)
        for record in records:
            try:
                message = decode(MESSAGE_OF[record.topic], record.value)
            except InvalidMessage as err:
                self.unreadable.append((record, str(err)))
                continue
            told = Told(record, message)
            self._of_topic[record.topic].append(told)
            if record.topic != DEAD_LETTERS:
                self._of_attempt[record.topic, message.submission_id, message.retry_count].append(told)

    def of_topic(self, topic: str) -> list[Told]:
        return self._of_topic.get(topic, [])

    def of_attempt(self, topic: str, submission_id: UUID, retry_count: int) -> list[Told]:
        return self._of_attempt.get((topic, submission_id, retry_count), [])
