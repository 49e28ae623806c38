"""The storage API on a real PostgreSQL and Redis; the broker is in memory, so that a test can take it away."""

import asyncio
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import psycopg2
import pytest
from redis import Redis
from redis.exceptions import ConnectionError as RedisConnectionError

from streaming import contracts, metrics, topics
from streaming.storage import stuck
from tests.integration.storage_bench import DEADLINE_S, NOWHERE, Storage, storage, until
from tests.unit.storage.messages import Submission

pytestmark = pytest.mark.integration


@pytest.fixture
def bench() -> Iterator[Storage]:
    with storage() as made:
        yield made


async def pending(bench: Storage, api: httpx.AsyncClient, text: str = "why?", **fields: Any) -> Submission:
    """A question that was asked and is in Kafka."""
    reply = await bench.ask(api, text, **fields)
    assert reply.status_code == 202, reply.text
    message = await bench.message(reply.json()["question_id"])
    return Submission(message.question_id, message.submission_id)


async def failed(bench: Storage, api: httpx.AsyncClient, text: str = "why?", **fields: Any) -> Submission:
    asked = await pending(bench, api, text, **fields)
    await bench.persist(asked.fatal("model_missing", retry_count=1))
    return asked


async def replay(api: httpx.AsyncClient, asked: Submission, **fields: Any) -> httpx.Response:
    return await api.post(f"/questions/{asked.question_id}/replay", json={"submission_id": str(asked.submission_id), **fields})


async def test_the_message_of_a_question_carries_all_that_the_loop_needs(bench: Storage) -> None:
    async with bench.api() as api:
        asked = await pending(bench, api, "why?", original_answer="because", run_id="run-1", model="a-model")
    message = await bench.message(str(asked.question_id))
    row = bench.question(asked.question_id)
    assert (message.question_text, message.original_answer, message.retry_count) == ("why?", "because", 0)
    assert (message.run_id, message.requested_model, message.retries) == ("run-1", "a-model", contracts.Retries())
    assert message.submitted_at == message.created_at == row["submitted_at"]
    assert message.enqueued_at == row["enqueued_at"]


async def test_asked_by_a_hundred_at_once_a_question_is_claimed_once(bench: Storage) -> None:
    async with bench.api() as one, bench.api() as two:
        replies = await asyncio.gather(*(bench.ask(api, "at once?") for _ in range(50) for api in (one, two)))
        assert {reply.status_code for reply in replies} == {202}
        (question,) = {reply.json()["question_id"] for reply in replies}
        assert len({reply.json()["submission_id"] for reply in replies}) == 1
        await bench.message(question)
        await pending(bench, one, "and then?")
    assert len([record for record in bench.broker.records(topics.PENDING) if record.key == question.encode()]) == 1
    assert len(bench.rows("SELECT * FROM submissions WHERE question_id = %s", question)) == 1


async def test_a_stored_answer_comes_from_the_cache_and_without_it_from_the_database(bench: Storage) -> None:
    async with bench.api() as api:
        asked = await pending(bench, api, original_answer="because")
        await bench.persist(asked.validated(0.9))
        from_cache = await bench.ask(api, "  WHY? ", original_answer="because")
        with Redis.from_url(bench.settings.redis_url) as redis:
            assert redis.delete(f"answerloop:answer:{asked.question_id}") == 1
        from_database = await bench.ask(api, "why?")
        refilled = await api.get(f"/questions/{asked.question_id}")
    assert [reply.json().pop("source") for reply in (from_cache, from_database, refilled)] == ["cache", "database", "cache"]
    told = {tuple(sorted((name, str(value)) for name, value in each.json().items() if name != "source")) for each in (from_cache, refilled)}
    assert len(told) == 1
    assert from_database.status_code == 200
    assert from_database.json()["status"] == "found"
    assert (from_database.json()["answer"], from_database.json()["model"]) == ("answer 1", "a-model")


async def test_without_redis_everything_works_from_the_database(bench: Storage) -> None:
    async with bench.api(redis_url=f"redis://{NOWHERE}/0") as api:
        asked = await pending(bench, api)
        await bench.persist(asked.validated(0.9))
        replies = [await bench.ask(api, "why?"), await api.get(f"/questions/{asked.question_id}", params={"wait": 1})]
        ready = await api.get("/readyz")
    assert [(reply.status_code, reply.json()["source"]) for reply in replies] == [(200, "database")] * 2
    assert ready.status_code == 200
    assert ready.json()["dependencies"] == {"postgresql": "up", "redis": "down", "kafka": "up"}


@pytest.mark.parametrize(
    ("started_with", "word"),
    [(["--maxmemory", "1"], "maxmemory"), (["--replicaof", "127.0.0.1", "9"], "read only replica")],
    ids=["full", "a replica"],
)
async def test_a_redis_that_refuses_writes_is_told_by_a_ready_api_and_every_answer_comes_from_the_database(
    bench: Storage, started_with: list[str], word: str
) -> None:
    with redis_server(*started_with) as url:
        async with bench.api(redis_url=url) as api:
            ready = await api.get("/readyz")
            asked = await pending(bench, api)
            await bench.persist(asked.validated(0.9))
            replies = [await bench.ask(api, "why?"), await api.get(f"/questions/{asked.question_id}")]
            still = await api.get("/readyz")
    assert [(reply.status_code, reply.json()["source"]) for reply in replies] == [(200, "database")] * 2
    for each in (ready, still):
        assert (each.status_code, each.json()["status"]) == (200, "ready")
        assert each.json()["problems"]["redis"].startswith("Redis refuses to store answers: ")
        assert word in each.json()["problems"]["redis"]


@contextmanager
def redis_server(*options: str) -> Iterator[str]:
    """A Redis of its own: its address."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", "", *options]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        try:
            deadline = time.monotonic() + DEADLINE_S
            with Redis(port=port) as redis:
                while True:
                    try:
                        redis.ping()
                        break
                    except RedisConnectionError:
                        assert time.monotonic() < deadline, "Redis does not start"
                        time.sleep(0.02)
            yield f"redis://127.0.0.1:{port}/0"
        finally:
            process.terminate()


async def test_a_long_poll_is_woken_by_the_answer(bench: Storage) -> None:
    async with bench.api() as one, bench.api() as two:
        asked = await pending(bench, one)
        polls = [asyncio.create_task(api.get(f"/questions/{asked.question_id}", params={"wait": 60})) for api in (one, two, two)]

        async def waiting() -> bool:
            return metrics.WAITERS._value.get() == 3

        await until(waiting, "three wait")
        await bench.persist(asked.validated(0.9))
        replies = await asyncio.wait_for(asyncio.gather(*polls), DEADLINE_S)
    assert [reply.json()["status"] for reply in replies] == ["found"] * 3


async def test_a_long_poll_is_woken_by_a_failure(bench: Storage) -> None:
    async with bench.api() as api:
        asked = await pending(bench, api)
        poll = asyncio.create_task(api.get(f"/questions/{asked.question_id}", params={"wait": 60}))
        await bench.persist(asked.fatal("model_missing"))
        reply = await asyncio.wait_for(poll, DEADLINE_S)
    assert reply.status_code == 200
    assert reply.json()["status"] == "error"
    assert reply.json()["error"]["cause"] == "model_missing"


async def test_a_long_poll_ends_when_its_time_is_over(bench: Storage) -> None:
    async with bench.api() as api:
        asked = await pending(bench, api)
        reply = await asyncio.wait_for(api.get(f"/questions/{asked.question_id}", params={"wait": 0.2}), DEADLINE_S)
    assert reply.status_code == 200
    assert reply.json()["status"] == "pending"


async def test_broken_connections_cost_no_request_and_no_news(bench: Storage) -> None:
    async with bench.api() as api:
        asked = await pending(bench, api)
        poll = asyncio.create_task(api.get(f"/questions/{asked.question_id}", params={"wait": 60}))
        assert bench.break_connections() > 2
        replies = [await bench.ask(api, f"again {number}?") for number in range(20)]
        assert {reply.status_code for reply in replies} == {202}
        await bench.persist(asked.validated(0.9))
        assert (await asyncio.wait_for(poll, DEADLINE_S)).json()["status"] == "found"
        for reply in replies:
            await bench.message(reply.json()["question_id"])


async def test_a_failed_question_is_not_asked_again_by_asking(bench: Storage) -> None:
    async with bench.api() as api:
        asked = await failed(bench, api)
        reply = await bench.ask(api, "why?")
    assert reply.status_code == 200
    assert reply.json() == {
        "status": "error",
        "question_id": str(asked.question_id),
        "submission_id": str(asked.submission_id),
        "error": {"cause": "model_missing", "message": "no more", "retry_count": 1},
        "resolved_at": bench.question(asked.question_id)["resolved_at"].isoformat().replace("+00:00", "Z"),
    }
    assert len(bench.broker.records(topics.PENDING)) == 1


async def test_a_replay_is_made_once_however_often_it_is_asked_for(bench: Storage) -> None:
    async with bench.api() as api:
        asked = await failed(bench, api, model="a-model")
        replies = await asyncio.gather(*(replay(api, asked) for _ in range(20)))
        assert sorted(reply.status_code for reply in replies) == [200] * 19 + [202]
        assert len({reply.json()["replayed_as"] for reply in replies}) == 1
        message = await bench.message(str(asked.question_id))
        assert message.submission_id != asked.submission_id
        assert (message.requested_model, message.retry_count) == ("a-model", 0)
        again = Submission(asked.question_id, message.submission_id)
        await bench.persist(asked.validated(0.1), asked.fatal())
        assert (await api.get(f"/questions/{asked.question_id}")).json()["status"] == "pending"
        await bench.persist(again.validated(0.9))
        late = await replay(api, asked)
        story = (await api.get(f"/questions/{asked.question_id}/timeline")).json()
    assert late.status_code == 200
    assert late.json()["state"]["status"] == "found"
    assert [(each["kind"], each["outcome"]) for each in story["submissions"]] == [("first", "failed"), ("replay", "answered")]
    assert story["submissions"][1]["follows"] == str(asked.submission_id)
    (failure,) = bench.rows("SELECT * FROM failed_questions")
    assert failure["replayed_at"] is not None


async def test_a_replay_may_name_another_model(bench: Storage) -> None:
    async with bench.api() as api:
        asked = await failed(bench, api, model="a-model")
        assert (await replay(api, asked, model="another")).status_code == 202
        assert (await bench.message(str(asked.question_id))).requested_model == "another"


async def test_the_history_says_which_replay_asked_a_question_again(bench: Storage) -> None:
    async with bench.api() as api:
        asked = await failed(bench, api)
        assert (await replay(api, asked, replay_id="evening")).status_code == 202
        assert (await replay(api, asked, replay_id="morning")).status_code == 200
        story = (await api.get(f"/questions/{asked.question_id}/timeline")).json()
    assert [each["replay_id"] for each in story["submissions"]] == [None, "evening"]


async def test_only_what_has_failed_is_replayed(bench: Storage) -> None:
    async with bench.api() as api:
        asked, answered = await pending(bench, api, "one?"), await pending(bench, api, "two?")
        await bench.persist(answered.validated(0.9))
        replies = [await replay(api, each) for each in (asked, answered, Submission(asked.question_id), Submission())]
    assert [reply.status_code for reply in replies] == [409, 409, 409, 404]


async def test_another_reference_is_counted_once_and_the_first_stays(bench: Storage) -> None:
    async with bench.api() as api:
        asked = await pending(bench, api, original_answer="because")
        for reference in ("because", "another", "another", " ", "a third"):
            await bench.ask(api, "why?", original_answer=reference)
        assert bench.question(asked.question_id)["other_references"] == 2
        await bench.persist(asked.validated(0.9))
        reply = await bench.ask(api, "why?", original_answer="a fourth")
    assert reply.json()["status"] == "found"
    row = bench.question(asked.question_id)
    assert (row["original_answer"], row["other_references"]) == ("because", 3)


async def test_questions_asked_while_kafka_is_away_are_sent_when_it_is_back(bench: Storage) -> None:
    async with bench.api() as api:
        bench.broker.away = True
        replies = [await bench.ask(api, f"number {number}?") for number in range(50)]
        assert {reply.status_code for reply in replies} == {202}

        async def noticed() -> bool:
            return "kafka" in (await api.get("/readyz")).json()["problems"]

        await until(noticed, "readyz says that Kafka is away")
        assert bench.broker.records(topics.PENDING) == []
        bench.broker.away = False
        for reply in replies:
            await bench.message(reply.json()["question_id"])
    assert len(bench.broker.records(topics.PENDING)) == 50


async def test_past_the_limit_new_questions_are_refused_and_known_ones_answered(bench: Storage) -> None:
    async with bench.api(max_unenqueued=3) as api:
        asked = await pending(bench, api, "known?")
        await bench.persist(asked.validated(0.9))
        bench.broker.away = True
        replies = [await bench.ask(api, f"number {number}?") for number in range(6)]
        assert [reply.status_code for reply in replies] == [202] * 3 + [503] * 3
        assert int(replies[-1].headers["Retry-After"]) > 0
        assert (await bench.ask(api, "known?")).json()["status"] == "found"
        assert (await bench.ask(api, "number 1?")).status_code == 202
        bench.broker.away = False

        async def accepted() -> bool:
            return (await bench.ask(api, "number 5?")).status_code == 202

        await until(accepted, "new questions are accepted again")


async def test_without_postgresql_the_api_is_alive_and_says_so(bench: Storage) -> None:
    async with bench.api(database_url=f"postgresql://nobody@{NOWHERE}/nothing") as api:
        asked, ready, alive = await bench.ask(api, "why?"), await api.get("/readyz"), await api.get("/healthz")
    assert (asked.status_code, ready.status_code, alive.status_code) == (503, 503, 200)
    assert int(asked.headers["Retry-After"]) > 0
    assert ready.json()["dependencies"]["postgresql"] == "down"


async def test_before_provisioning_the_api_is_alive_and_says_what_to_do(bench: Storage) -> None:
    empty = bench.settings.database_url.replace("search_path%3D", "search_path%3Dno_such_")
    async with bench.api(database_url=empty) as api:
        asked, ready, alive = await bench.ask(api, "why?"), await api.get("/readyz"), await api.get("/healthz")
    assert (asked.status_code, ready.status_code, alive.status_code) == (503, 503, 200)
    assert "python -m streaming provision" in ready.json()["problems"]["postgresql"]


async def test_a_run_is_told_by_its_questions_and_its_row(bench: Storage) -> None:
    async with bench.api() as api:
        await failed(bench, api, "one?", run_id="run-1")
        answered = await pending(bench, api, "two?", run_id="run-1")
        await bench.persist(answered.validated(0.9))
        await pending(bench, api, "three?", run_id="run-1")
        before = await api.get("/runs/run-1")
        bench.rows(
            """INSERT INTO traffic_runs (run_id, answer_set, dataset, state, plan, simulated, started_at, summary)
               VALUES ('run-1', 'a', 'd', 'drained', '{"seed": 7}', true, now(), '{"answered": 1}')"""
        )
        after = await api.get("/runs/run-1")
        assert (await api.get("/runs/no-such-run")).status_code == 404
    counts = {"total": 3, "pending": 1, "answered": 1, "failed": 1, "unenqueued": 0}
    assert before.json() == {"run_id": "run-1", "questions": counts, "run": None, "summary": None}
    assert after.json()["questions"] == counts
    assert after.json()["summary"] == {"answered": 1}
    assert after.json()["run"]["plan"] == {"seed": 7}


async def test_the_timeline_tells_every_attempt_with_its_stages(bench: Storage) -> None:
    async with bench.api() as api:
        asked = await pending(bench, api)
        await bench.persist(asked.overload(0), asked.low_quality(0.3, 2), asked.validated(0.9, 3, first_score=0.3))
        story = (await api.get(f"/questions/{asked.question_id}/timeline")).json()
    (submission,) = story["submissions"]
    assert [(each["outcome"], each["bert_score"]) for each in submission["attempts"]] == [
        ("overload", None),
        ("success", 0.3),
        ("success", 0.9),
    ]
    assert submission["attempts"][2]["stages"]["queue_ms"] == 995.0
    assert submission["attempts"][2]["stages"]["model_ms"] == 300.0
    assert submission["attempts"][2]["stages"]["scoring_ms"] == 200.0


async def test_lost_questions_are_asked_again_and_no_others(bench: Storage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stuck, "BETWEEN_SAMPLES_S", 0.3)
    async with bench.api() as api:
        lost, answered = await pending(bench, api, "lost?"), await pending(bench, api, "answered?")
        await bench.persist(answered.validated(0.9))
        requeueing = asyncio.create_task(api.post("/maintenance/requeue-stuck"))

        async def sampled() -> bool:
            return bench.cluster.asked > 0

        await until(sampled, "the first sample is taken")
        young = await pending(bench, api, "young?")
        done = await requeueing
        assert done.status_code == 200
        assert (done.json()["requeued"], done.json()["question_ids"]) == (1, [str(lost.question_id)])
        again = await bench.message(str(lost.question_id))
        assert again.submission_id != lost.submission_id
        assert bench.question(young.question_id)["submission_id"] == young.submission_id
        await bench.persist(lost.validated(0.1))
        assert bench.question(lost.question_id)["status"] == "pending"
    (row,) = bench.rows("SELECT * FROM submissions WHERE kind = 'requeue'")
    assert row["follows"] == lost.submission_id


async def test_a_lost_replay_is_asked_again_as_part_of_its_replay(bench: Storage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stuck, "BETWEEN_SAMPLES_S", 0.01)
    async with bench.api() as api:
        asked = await failed(bench, api)
        await replay(api, asked, replay_id="evening")
        await bench.message(str(asked.question_id))
        assert (await api.post("/maintenance/requeue-stuck")).json()["requeued"] == 1
        story = (await api.get(f"/questions/{asked.question_id}/timeline")).json()
    assert [(each["kind"], each["replay_id"]) for each in story["submissions"]] == [
        ("first", None),
        ("replay", "evening"),
        ("requeue", "evening"),
    ]


async def test_what_was_stored_by_other_means_makes_the_outbox_look_within_a_second(bench: Storage) -> None:
    async with bench.api() as one, bench.api():
        first = await pending(bench, one)
        bench.rows("UPDATE questions SET enqueued_at = NULL WHERE question_id = %s", first.question_id)

        async def enqueued() -> bool:
            return bench.question(first.question_id)["enqueued_at"] is not None

        await until(enqueued, "the question is sent again")
    assert len(bench.broker.records(topics.PENDING)) == 2


def test_two_replays_of_one_submission_cannot_both_exist(bench: Storage) -> None:
    insert = """INSERT INTO submissions (submission_id, question_id, kind, follows, submitted_at)
                VALUES (gen_random_uuid(), (SELECT question_id FROM q), 'replay', '00000000-0000-0000-0000-000000000001', now())"""
    question = """WITH q AS (INSERT INTO questions (question_id, answer_set, question_text, status, submission_id, created_at, submitted_at)
                  VALUES (gen_random_uuid(), 'a', 'q', 'failed', gen_random_uuid(), now(), now()) RETURNING question_id) """
    bench.rows(question + insert)
    with pytest.raises(psycopg2.IntegrityError):
        bench.rows(question + insert)
