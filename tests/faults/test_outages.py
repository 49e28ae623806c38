"""A component that is away for a while delays questions and loses none."""

import asyncio
import subprocess
import sys
from uuid import uuid4

import httpx
import pytest

from streaming import settings
from tests import stack

pytestmark = pytest.mark.faults

MODEL_AWAY_S = 60
# Says what becomes of asking for a group's positions, each time that it changes, until it has been answered, refused and answered again.
ASKING = """
from streaming import settings, topics
from streaming.errors import Unreachable
from streaming.kafka.positions import KafkaPositions

kafka, said = KafkaPositions(settings.load().kafka_bootstrap), []
partitions = kafka.partitions(topics.CONSUMED_BY[topics.STORAGE_PERSISTER])
while said != ["answered", "refused", "answered"]:
    try:
        kafka.positions(topics.STORAGE_PERSISTER, partitions)
        became = "answered"
    except Unreachable:
        became = "refused"
    if said[-1:] != [became]:
        said.append(became)
        print(became, flush=True)
"""


async def test_no_question_fails_because_the_model_was_away_for_a_minute(dataset: str) -> None:
    async def outage() -> None:
        await asyncio.sleep(3)
        await asyncio.to_thread(stack.stop, "simulator")
        await asyncio.sleep(MODEL_AWAY_S)
        await asyncio.to_thread(stack.start, "simulator")

    (run_id, finished), _ = await asyncio.gather(stack.traffic(dataset=dataset, requests=60, rate=6), outage())
    assert not finished.backlog, str(finished.backlog)
    stack.assert_complete(run_id)
    assert stack.sql("SELECT count(*) FROM failed_questions WHERE run_id = %s", run_id) == [(0,)]
    overloads = stack.sql("SELECT count(*) FROM attempts WHERE run_id = %s AND outcome <> 'success'", run_id)[0][0]
    assert overloads <= 32, "at most what was under way when the model died was charged for it"


def test_questions_asked_while_kafka_is_stopped_are_accepted_and_answered_when_it_is_back() -> None:
    answer_set = f"kafka-away-{uuid4()}"
    api = settings.load().api_url
    stack.stop("kafka")
    try:
        with httpx.Client(base_url=api, timeout=10) as client:
            replies = [
                client.post(
                    "/questions",
                    json={
                        "question_text": f"What is {index} plus one?",
                        "original_answer": f"It is {index + 1}.",
                        "answer_set": answer_set,
                    },
                )
                for index in range(50)
            ]
        assert {reply.status_code for reply in replies} == {202}
    finally:
        stack.start("kafka")

    def ended() -> bool:
        rows = stack.sql("SELECT count(*) FROM questions WHERE answer_set = %s AND status <> 'pending'", answer_set)
        return rows == [(50,)]

    stack.until(ended, "all fifty have an end", 180)


def test_whoever_asks_for_positions_lives_on_when_kafka_goes_away_and_comes_back() -> None:
    # A process of its own: what is held here is that librdkafka does not take it down.
    with subprocess.Popen([sys.executable, "-c", ASKING], cwd=stack.ROOT, stdout=subprocess.PIPE, text=True) as asking:
        assert asking.stdout is not None
        try:
            assert asking.stdout.readline() == "answered\n"
            stack.stop("kafka")
            try:
                assert asking.stdout.readline() == "refused\n"
            finally:
                stack.start("kafka")
            assert asking.stdout.readline() == "answered\n"
            assert asking.wait(30) == 0
        finally:
            asking.kill()
