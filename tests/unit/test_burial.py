"""Whatever a record holds, what is sent for it can be made, fits every topic, and reads back."""

from datetime import UTC, datetime

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streaming import contracts, topics
from streaming.burial import Outgoing, buried
from streaming.contracts import INVALID_MESSAGE, DeadLetter, Fatal
from streaming.errors import InvalidMessage
from streaming.record_json import MAX_REASON_BYTES
from tests.unit.hostile import COMPLETE, QUESTION_ID, large_records, records

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
# What brokers take by default: an eighth of what the loop's topics take.
SMALL_RECORD_BYTES = 1024 * 1024


def told(topic: str, value: bytes | None, reason: str) -> tuple[Outgoing, ...]:
    """What is sent for the record, after every promise about it has been looked at."""
    sent = buried(topic, 1, 2, value, INVALID_MESSAGE, reason, NOW)
    letter = contracts.decode(DeadLetter, sent[0].value)
    assert (sent[0].topic, letter.topic, letter.length) == (topics.DEAD_LETTERS, topic, len(value or b""))
    assert len(letter.reason.encode()) <= MAX_REASON_BYTES
    assert all(character >= " " for character in letter.reason)
    for outgoing in sent:
        assert len(outgoing.value) < SMALL_RECORD_BYTES
        message = contracts.decode(topics.MESSAGE_OF[outgoing.topic], outgoing.value)
        assert contracts.decode(type(message), contracts.encode(message)) == message
    return sent


def refusal(message: type[contracts.Message], value: bytes | None) -> str:
    """Why a reader refuses the record; a reason of its own for one that it takes."""
    try:
        contracts.encode(contracts.decode(message, value))
    except InvalidMessage as err:
        return str(err)
    return "refused elsewhere"


@settings(deadline=None)
@given(records)
def test_any_record_of_any_topic_can_be_buried(value: bytes | None) -> None:
    for spec in topics.TOPICS:
        reason = refusal(spec.message, value)
        assert len(reason.encode()) <= MAX_REASON_BYTES
        told(spec.name, value, reason)


@pytest.mark.parametrize("value", large_records(), ids=lambda value: repr(value[:20]))
def test_a_record_that_fills_a_topic_can_be_buried(value: bytes) -> None:
    assert len(value) <= topics.MAX_MESSAGE_BYTES
    for spec in topics.TOPICS:
        told(spec.name, value, refusal(spec.message, value))


@given(st.text(st.characters(exclude_categories=())), st.integers(0, 4000))
def test_any_reason_can_be_given(start: str, repeats: int) -> None:
    told(topics.PENDING, b"{", start + "\0\ud800\n\U0001f600" * repeats)


def test_a_name_with_a_nul_is_buried_and_its_question_told() -> None:
    value = b'{"question_id": "' + QUESTION_ID.encode() + b'", "a\\u0000b": 1}'
    letter, fatal = told(topics.PENDING, value, refusal(contracts.Question, value))
    assert "NUL" in contracts.decode(DeadLetter, letter.value).reason
    assert str(contracts.decode(Fatal, fatal.value).question_id) == letter.key == fatal.key == QUESTION_ID


def test_of_a_long_question_the_beginning_is_told() -> None:
    value = msgspec.json.encode(COMPLETE | {"retry_count": -1, "question_text": "Why? " * 1_000_000})
    _, fatal = told(topics.PENDING, value, "negative")
    text = contracts.decode(Fatal, fatal.value).question_text
    assert text.startswith("Why? Why? ")
    assert text.endswith("…")


def test_a_fatal_message_of_a_burial_breeds_no_other() -> None:
    _, fatal = told(topics.FATAL, msgspec.json.encode(COMPLETE | {"retry_count": -1}), "negative")
    assert [outgoing.topic for outgoing in told(topics.FATAL, fatal.value, "PostgreSQL refuses it")] == [topics.DEAD_LETTERS]
