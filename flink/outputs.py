"""The records that leave the job for one record that came in. Pure."""

from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from flink.judging import Judged
from flink.routing import Outcome, Remembered, Rules, Verdict, decide, refuse
from streaming import topics
from streaming.contracts import (
    INVALID_MESSAGE,
    UNSCORABLE,
    DeadLetter,
    Message,
    Response,
    dead_letter,
    decode,
    encode,
    fatal_for_dead_letter,
)

# The topics allow 8 MiB for a record; its key and headers count too.
MOST_BYTES = topics.MAX_MESSAGE_BYTES - 64 * 1024


@dataclass(frozen=True)
class Source:
    """A record of llm-responses-success as it lay in Kafka."""

    partition: int
    offset: int
    value: bytes | None

    def __str__(self) -> str:
        return f"{topics.SUCCESS}[{self.partition}]@{self.offset}"


class Output(NamedTuple):
    """A record to send."""

    topic: str
    key: str
    value: bytes


@dataclass(frozen=True)
class Effect:
    """What one record causes: the records to send, and the decision behind them (None for a dead letter without one)."""

    outputs: tuple[Output, ...]
    outcome: Outcome | None
    response: Response | None


def effect(source: Source, judged: Judged, remembered: Remembered, rules: Rules, now: datetime) -> Effect:
    """What follows from a record that has been judged."""
    if judged.cause == INVALID_MESSAGE:
        return Effect(_buried(source, INVALID_MESSAGE, judged.reason, now), None, None)
    response = decode(Response, source.value)
    if judged.cause is not None:
        return _refused(source, response, judged.reason, remembered, now)
    verdict = Verdict(judged.score, judged.scorer, judged.judged_at)
    outcome = decide(response, verdict, remembered, rules, now)
    outputs = tuple(_output(topic, message) for topic, message in outcome.messages)
    if any(len(output.value) > MOST_BYTES for output in outputs):
        return _refused(source, response, "what follows from this message is larger than a topic takes (8 MiB)", remembered, now)
    return Effect(outputs, outcome, response)


def _refused(source: Source, response: Response, reason: str, remembered: Remembered, now: datetime) -> Effect:
    outcome = refuse(response, reason, remembered, now)
    if not outcome.messages:
        return Effect((), outcome, response)
    letter = _letter(source, reason, now)
    fatal = tuple(_output(topic, message) for topic, message in outcome.messages)
    if any(len(output.value) > MOST_BYTES for output in fatal):
        return Effect(_buried(source, UNSCORABLE, reason, now), outcome, response)
    return Effect((letter, *fatal), outcome, response)


def _buried(source: Source, cause: str, reason: str, now: datetime) -> tuple[Output, ...]:
    """The dead letter and, where its question can be told, the fatal message."""
    fatal = fatal_for_dead_letter(source.value, cause, reason, now)
    return (_letter(source, reason, now), *((_output(topics.FATAL, fatal),) if fatal else ()))


def _letter(source: Source, reason: str, now: datetime) -> Output:
    letter = dead_letter(topics.SUCCESS, source.partition, source.offset, source.value, reason, now)
    return Output(topics.DEAD_LETTERS, str(letter.question_id or source), encode(letter))


def _output(topic: str, message: Message) -> Output:
    if isinstance(message, DeadLetter):
        raise TypeError("a dead letter has a key of its own")
    return Output(topic, str(message.question_id), encode(message))
