"""The records that leave the job for one record that came in. Pure."""

from dataclasses import dataclass
from datetime import datetime

from flink.judging import Judged
from flink.routing import Outcome, Remembered, Rules, Verdict, decide, refuse
from streaming import topics
from streaming.burial import Outgoing, buried, letter_of
from streaming.contracts import INVALID_MESSAGE, UNSCORABLE, DeadLetter, Message, Response, decode, encode
from streaming.record_json import cleaned

# The topics allow 8 MiB for a record; its key and headers count too.
MOST_BYTES = topics.MAX_MESSAGE_BYTES - 64 * 1024


@dataclass(frozen=True)
class Source:
    """A record of llm-responses-success as it lay in Kafka."""

    partition: int
    offset: int
    value: bytes | None


@dataclass(frozen=True)
class Effect:
    """What one record causes: the records to send, and the decision behind them (None for a dead letter without one)."""

    outputs: tuple[Outgoing, ...]
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
    outcome = refuse(response, cleaned(reason), remembered, now)
    if not outcome.messages:
        return Effect((), outcome, response)
    fatal = tuple(_output(topic, message) for topic, message in outcome.messages)
    if any(len(output.value) > MOST_BYTES for output in fatal):
        return Effect(_buried(source, UNSCORABLE, reason, now), outcome, response)
    letter = letter_of(topics.SUCCESS, source.partition, source.offset, source.value, reason, now)
    return Effect((letter, *fatal), outcome, response)


def _buried(source: Source, cause: str, reason: str, now: datetime) -> tuple[Outgoing, ...]:
    return buried(topics.SUCCESS, source.partition, source.offset, source.value, cause, reason, now)


def _output(topic: str, message: Message) -> Outgoing:
    if isinstance(message, DeadLetter):
        raise TypeError("a dead letter has a key of its own")
    return Outgoing(topic, str(message.question_id), encode(message))
