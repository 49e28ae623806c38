"""The persister's rules, held by a real PostgreSQL and Redis."""

import base64
from collections.abc import Iterator
from typing import Any
from uuid import UUID, uuid4

import msgspec
import pytest

from streaming import contracts, metrics, topics
from streaming.contracts import OVERLOAD_EXHAUSTED
from streaming.identity import derived_submission_id
from tests.integration.storage_bench import NOWHERE, Storage, storage
from tests.unit.storage.messages import START, Submission, best_attempt

pytestmark = pytest.mark.integration


@pytest.fixture
def bench() -> Iterator[Storage]:
    with storage() as made:
        yield made


def claimed(bench: Storage, run_id: str = "run") -> Submission:
    """A question as the API leaves it: claimed and enqueued."""
    submission = Submission(run_id=run_id)
    bench.rows(
        """INSERT INTO questions (question_id, answer_set, question_text, original_answer, status, submission_id, run_id, created_at,
                                  submitted_at, enqueued_at) VALUES (%s, 'a', 'q', 'because', 'pending', %s, %s, now(), now(), now())""",
        submission.question_id,
        submission.submission_id,
        run_id,
    )
    bench.rows(
        "INSERT INTO submissions (submission_id, question_id, kind, run_id, submitted_at) VALUES (%s, %s, 'first', %s, now())",
        submission.submission_id,
        submission.question_id,
        run_id,
    )
    return submission


def answers(bench: Storage) -> dict[UUID, dict[str, Any]]:
    return {row["question_id"]: row for row in bench.rows("SELECT * FROM answers")}


def failures(bench: Storage) -> dict[UUID, dict[str, Any]]:
    return {row["question_id"]: row for row in bench.rows("SELECT * FROM failed_questions")}


def attempts(bench: Storage, submission: Submission) -> list[tuple[int, str, float | None]]:
    rows = bench.rows("SELECT * FROM attempts WHERE submission_id = %s ORDER BY retry_count", submission.submission_id)
    return [(row["retry_count"], row["outcome"], row["bert_score"]) for row in rows]


def counted(topic: str, effect: str) -> float:
    return metrics.PERSISTED.labels(topic, effect)._value.get()


async def test_a_submission_ends_with_all_its_attempts_recorded(bench: Storage) -> None:
    asked = claimed(bench)
    await bench.persist(
        asked.overload(0), asked.quota(1), asked.low_quality(0.3, attempts=3), asked.validated(0.9, attempts=4, first_score=0.3)
    )
    assert attempts(bench, asked) == [(0, "overload", None), (1, "quota", None), (2, "success", 0.3), (3, "success", 0.9)]
    question = bench.question(asked.question_id)
    assert question["status"] == "answered"
    assert question["resolved_at"] is not None
    answer = answers(bench)[asked.question_id]
    assert (answer["bert_score"], answer["first_score"], answer["accepted_as"]) == (0.9, 0.3, "passed")
    assert (answer["processing_attempts"], answer["accepted_retry_count"], answer["llm_response"]) == (4, 3, "answer 4")
    assert failures(bench) == {}


async def test_a_late_duplicate_changes_nothing(bench: Storage) -> None:
    asked = claimed(bench)
    await bench.persist(asked.validated(0.9))
    before = (bench.question(asked.question_id), answers(bench), attempts(bench, asked))
    duplicates, late = counted(topics.VALIDATED, "duplicate"), counted(topics.VALIDATED, "late")
    await bench.persist(asked.validated(0.8), asked.fatal(), asked.fatal(best=best_attempt()))
    assert (bench.question(asked.question_id), answers(bench), attempts(bench, asked)) == before
    assert failures(bench) == {}
    assert counted(topics.VALIDATED, "duplicate") == duplicates + 1
    assert counted(topics.VALIDATED, "late") == late + 1


async def test_of_two_endings_in_one_batch_the_first_counts(bench: Storage) -> None:
    asked = claimed(bench)
    await bench.persist(asked.fatal("model_missing"), asked.validated(None, attempts=2))
    assert bench.question(asked.question_id)["status"] == "failed"
    assert failures(bench)[asked.question_id]["cause"] == "model_missing"
    assert answers(bench) == {}


async def test_a_message_of_an_older_submission_ends_nothing(bench: Storage) -> None:
    asked = claimed(bench)
    older = Submission(asked.question_id)
    await bench.persist(older.validated(0.9), older.fatal())
    assert bench.question(asked.question_id)["status"] == "pending"
    assert answers(bench) == failures(bench) == {}
    await bench.persist(asked.validated(0.8))
    assert answers(bench)[asked.question_id]["bert_score"] == 0.8


@pytest.mark.parametrize("ending", ["validated", "fatal"])
async def test_beside_its_newest_an_older_submission_leaves_no_row(bench: Storage, ending: str) -> None:
    """Both in one batch: the newest ends its question, and the older is not taken for what ended it."""
    asked = claimed(bench)
    older = Submission(asked.question_id)
    refused = len(bench.broker.records(topics.DEAD_LETTERS))
    await bench.persist(getattr(older, ending)(), getattr(asked, ending)())
    ends = bench.rows("SELECT submission_id FROM answers UNION ALL SELECT submission_id FROM failed_questions")
    assert ends == [{"submission_id": asked.submission_id}]
    assert len(bench.broker.records(topics.DEAD_LETTERS)) == refused


async def test_the_first_record_of_an_attempt_stays(bench: Storage) -> None:
    asked = claimed(bench)
    await bench.persist(asked.low_quality(0.3), asked.low_quality(0.5))
    await bench.persist(asked.overload(0))
    assert attempts(bench, asked) == [(0, "success", 0.3)]


async def test_only_a_question_without_any_scored_answer_fails(bench: Storage) -> None:
    hopeless, in_message, in_table = claimed(bench), claimed(bench), claimed(bench)
    await bench.persist(in_table.low_quality(0.4, attempts=1), in_table.low_quality(0.6, attempts=2))
    await bench.persist(
        hopeless.fatal(OVERLOAD_EXHAUSTED, 3),
        in_message.fatal(OVERLOAD_EXHAUSTED, 3, best_attempt(0.5, 2), first_score=0.2),
        in_table.fatal(OVERLOAD_EXHAUSTED, 3),
    )
    failure = failures(bench)[hopeless.question_id]
    assert (failure["cause"], failure["last_error"], failure["retry_count"]) == (OVERLOAD_EXHAUSTED, "no more", 3)
    assert failures(bench).keys() == {hopeless.question_id}
    found = {
        question: (row["accepted_as"], row["bert_score"], row["accepted_retry_count"], row["first_score"])
        for question, row in answers(bench).items()
    }
    assert found == {
        in_message.question_id: ("best_attempt", 0.5, 2, 0.2),
        in_table.question_id: ("best_attempt", 0.6, 1, 0.4),
    }
    assert attempts(bench, hopeless) == []


async def test_a_fatal_message_that_does_not_know_its_run_is_counted_in_it(bench: Storage) -> None:
    asked = claimed(bench, "run-7")
    nameless = Submission(asked.question_id, asked.submission_id, run_id=None)
    await bench.persist(nameless.fatal(contracts.UNSCORABLE))
    assert failures(bench)[asked.question_id]["run_id"] == "run-7"
    assert [row["run_id"] for row in bench.rows("SELECT run_id FROM attempts")] == ["run-7"]


async def test_a_message_made_by_hand_creates_its_question_in_the_external_set(bench: Storage) -> None:
    by_hand = uuid4()
    fields = {
        "question_id": str(by_hand),
        "question_text": "by hand",
        "llm_response": "yes",
        "original_answer": None,
        "bert_score": 0.8,
        "processing_attempts": 1,
        "total_processing_time_ms": 1,
        "timestamp": START.isoformat(),
    }
    await bench.persist(msgspec.json.encode(fields), topic=topics.VALIDATED)
    question = bench.question(by_hand)
    assert (question["answer_set"], question["status"]) == ("external", "answered")
    assert question["enqueued_at"] == START
    assert question["submission_id"] == derived_submission_id(by_hand)
    (submission,) = bench.rows("SELECT * FROM submissions WHERE question_id = %s", by_hand)
    assert submission["kind"] == "first"


async def test_a_poisoned_batch_loses_nobody_but_the_culprit(bench: Storage) -> None:
    good = [claimed(bench) for _ in range(20)]
    poison = claimed(bench)
    too_long = Submission(poison.question_id, poison.submission_id, run_id="x\u00e9" * 400_000)
    messages: list[contracts.Message] = [each.validated() for each in good]
    messages.insert(13, too_long.low_quality())
    await bench.persist(*messages)
    assert answers(bench).keys() == {each.question_id for each in good}
    (letter,) = bench.broker.records(topics.DEAD_LETTERS)
    assert "PostgreSQL refuses it" in msgspec.json.decode(letter.value or b"")["reason"]
    (fatal,) = bench.broker.records(topics.FATAL)
    await bench.persist(fatal.value or b"", topic=topics.FATAL)
    assert bench.question(poison.question_id)["status"] == "failed"
    assert failures(bench)[poison.question_id]["cause"] == contracts.INVALID_MESSAGE


async def test_an_undecodable_record_is_kept_in_dead_letters(bench: Storage) -> None:
    await bench.persist(b"\xff\x00", topic=topics.QUOTA)
    (letter,) = bench.broker.records(topics.DEAD_LETTERS)
    assert base64.b64decode(msgspec.json.decode(letter.value or b"")["raw"]) == b"\xff\x00"
    assert bench.broker.records(topics.FATAL) == []


async def test_without_redis_everything_is_stored(bench: Storage) -> None:
    bench.settings = bench.settings.model_copy(update={"redis_url": f"redis://{NOWHERE}/0"})
    asked = claimed(bench)
    await bench.persist(asked.validated())
    assert bench.question(asked.question_id)["status"] == "answered"


async def test_a_large_batch_of_everything_is_stored_once(bench: Storage) -> None:
    asked = [claimed(bench) for _ in range(100)]
    messages: list[contracts.Message] = []
    for each in asked:
        messages += [each.overload(0), each.low_quality(0.2, 2), each.validated(0.9, 3, first_score=0.2)]
    await bench.persist(*messages, *messages)
    assert len(answers(bench)) == 100
    assert bench.rows("SELECT count(*) AS rows FROM attempts") == [{"rows": 300}]
