"""The score job as it runs in a stack: real Kafka, real Flink, real scorer. Other traffic on the topics does not matter."""

import os
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from uuid import UUID, uuid4

import httpx
import msgspec
import pytest
from confluent_kafka import Consumer, Producer, TopicPartition

from flink.tables import OUT_OF_ORDER_S
from streaming import topics
from streaming.contracts import DeadLetter, Fatal, Question, Response, Retries, Scored, Validated, decode, encode
from streaming.flink_rest import FlinkRest
from streaming.sampler import flink

pytestmark = [pytest.mark.integration, pytest.mark.timeout(280)]

REFERENCE = "Air scatters blue light more than red light, so the sky looks blue."
# A worker that has just started loads its model first.
PATIENCE_S = 120.0


class Topics:
    """Sends to the job and collects what it sends for the questions of one test."""

    def __init__(self, bootstrap: str) -> None:
        self._producer = Producer({"bootstrap.servers": bootstrap})
        self._consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": f"test-{uuid4()}", "enable.auto.commit": False})
        partitions = [
            TopicPartition(spec.name, number) for spec in topics.TOPICS if spec.name != topics.SUCCESS for number in range(spec.partitions)
        ]
        for partition in partitions:
            partition.offset = self._consumer.get_watermark_offsets(partition, timeout=20)[1]
        self._consumer.assign(partitions)
        self._received: list[tuple[str, str, bytes]] = []

    def send(self, value: bytes) -> None:
        # One partition keeps the order in which a test sends.
        self._producer.produce(topics.SUCCESS, value=value, partition=0)
        assert self._producer.flush(20) == 0

    def of(self, question: UUID, *expected: str) -> dict[str, bytes]:
        """The first value sent for a question, by topic, once each expected topic has one."""
        deadline = time.monotonic() + PATIENCE_S
        while True:
            found = {topic: value for topic, key, value in reversed(self._received) if key == str(question)}
            if set(expected) <= found.keys():
                return found
            assert time.monotonic() < deadline, f"of {expected} only {sorted(found)} came within {PATIENCE_S:.0f} s"
            record = self._consumer.poll(0.5)
            if record is not None and record.error() is None:
                self._received.append((str(record.topic()), (record.key() or b"").decode(), record.value() or b""))

    def asked_again(self, question: UUID, retry_count: int) -> int:
        """How often that retry was asked for. The loop goes on meanwhile, and may be at the next one."""
        pending = (value for topic, key, value in self._received if (topic, key) == (topics.PENDING, str(question)))
        return sum(decode(Question, value).retry_count == retry_count for value in pending)

    def close(self) -> None:
        self._consumer.close()


@pytest.fixture
def loop() -> Iterator[Topics]:
    bootstrap = os.environ.get("ANSWERLOOP_KAFKA_BOOTSTRAP")
    if not bootstrap:
        pytest.skip("needs a running stack: ANSWERLOOP_KAFKA_BOOTSTRAP is not set")
    running = Topics(bootstrap)
    yield running
    running.close()


def answer(text: str, retry_count: int = 0, reference: str | None = REFERENCE, question: UUID | None = None, **fields: object) -> Response:
    now = datetime.now(UTC)
    return Response(
        question_id=question or uuid4(),
        question_text="Why is the sky blue?",
        original_answer=reference,
        llm_response=text,
        retry_count=retry_count,
        response_time_ms=12.0,
        timestamp=now,
        **fields,  # type: ignore[arg-type]
    )


def test_a_good_answer_is_validated_with_its_score(loop: Topics) -> None:
    message = answer(REFERENCE, extra={"mine": 1})
    loop.send(encode(message))
    validated = decode(Validated, loop.of(message.question_id, topics.VALIDATED)[topics.VALIDATED])
    assert (validated.accepted_as, validated.submission_id, validated.extra) == ("passed", message.submission_id, {"mine": 1})
    assert validated.bert_score == pytest.approx(1.0, abs=0.005)
    assert validated.scorer is not None


def test_a_poor_answer_is_asked_again_and_its_duplicate_is_not(loop: Topics) -> None:
    message = answer("Bananas.", retries=Retries())
    after = answer(REFERENCE)
    for each in (message, message, after):
        loop.send(encode(each))
    sent = loop.of(message.question_id, topics.LOW_QUALITY, topics.PENDING)
    loop.of(after.question_id, topics.VALIDATED)
    low, question = decode(Scored, sent[topics.LOW_QUALITY]), decode(Question, sent[topics.PENDING])
    assert (question.retry_count, question.retries, question.original_answer) == (1, Retries(quality=1), REFERENCE)
    assert question.best_attempt is not None
    assert question.best_attempt.bert_score == low.bert_score
    assert loop.asked_again(message.question_id, 1) == 1


def test_the_best_attempt_is_accepted_at_the_limit(loop: Topics) -> None:
    question = uuid4()
    tries = ["Light is scattered.", "Bananas.", "Cars.", "Potatoes."]
    for retry_count, text in enumerate(tries):
        loop.send(encode(answer(text, retry_count, question=question, retries=Retries(quality=retry_count))))
        loop.of(question, topics.LOW_QUALITY, *([topics.PENDING] if retry_count == 0 else []))
    validated = decode(Validated, loop.of(question, topics.VALIDATED)[topics.VALIDATED])
    assert validated.accepted_as == "best_attempt"
    assert (validated.llm_response, validated.processing_attempts, validated.accepted_retry_count) == (tries[0], 4, 0)


def test_a_bare_message_made_by_hand_goes_through(loop: Topics) -> None:
    question = uuid4()
    bare = {
        "question_id": str(question),
        "question_text": "Why is the sky blue?",
        "llm_response": "Because.",
        "original_answer": None,
        "retry_count": 0,
        "response_time_ms": 12,
        "timestamp": "2026-01-01T00:00:00Z",
    }
    loop.send(msgspec.json.encode(bare))
    validated = decode(Validated, loop.of(question, topics.VALIDATED)[topics.VALIDATED])
    assert (validated.accepted_as, validated.bert_score) == ("unscored", None)


def test_a_broken_record_is_a_dead_letter_and_its_question_is_told(loop: Topics) -> None:
    question = uuid4()
    loop.send(msgspec.json.encode({"question_id": str(question), "retry_count": "many"}))
    sent = loop.of(question, topics.DEAD_LETTERS, topics.FATAL)
    letter, fatal = decode(DeadLetter, sent[topics.DEAD_LETTERS]), decode(Fatal, sent[topics.FATAL])
    assert letter.topic == topics.SUCCESS
    assert fatal.error_type == "invalid_message"


def test_a_blank_answer_is_a_dead_letter_and_ends_its_submission(loop: Topics) -> None:
    message = answer("  ")
    loop.send(encode(message))
    sent = loop.of(message.question_id, topics.DEAD_LETTERS, topics.FATAL)
    assert decode(Fatal, sent[topics.FATAL]).error_type == "unscorable"


def test_the_jobs_watermark_follows_the_records_that_it_scores(loop: Topics) -> None:
    deadline = time.monotonic() + PATIENCE_S
    with httpx.Client(timeout=flink.TIMEOUT_S, trust_env=False) as http:
        rest = FlinkRest(os.environ["ANSWERLOOP_FLINK_URL"], http)
        before = flink.take(rest)
        while "watermark_lag_ms" not in (found := flink.measured(before, flink.take(rest))):
            assert time.monotonic() < deadline, f"no watermark came within {PATIENCE_S:.0f} s, only {found}"
            message = answer(REFERENCE)
            loop.send(encode(message))
            loop.of(message.question_id, topics.VALIDATED)
    assert OUT_OF_ORDER_S * 1000 <= found["watermark_lag_ms"] < 60_000
