"""The job's operators in a Flink of their own, between a collection and a collection: no Kafka, the real scorer."""

from pathlib import Path

import pytest

from streaming import topics
from streaming.contracts import DeadLetter, Question, Validated, decode, encode
from streaming.settings import Settings
from tests.unit.flink_routing.messages import QUESTION, response

pytestmark = [pytest.mark.flink, pytest.mark.timeout(280)]

REFERENCE = "Air scatters blue light more than red light, so the sky looks blue."


def run_job(values: list[bytes]) -> list[tuple[str, str, bytes]]:
    from pyflink.datastream import StreamExecutionEnvironment
    from pyflink.table import DataTypes, StreamTableEnvironment

    from flink.score_job import configure, transform

    environment = StreamExecutionEnvironment.get_execution_environment()
    environment.set_parallelism(1)
    t_environment = StreamTableEnvironment.create(environment)
    configure(t_environment)
    row = DataTypes.ROW(
        [
            DataTypes.FIELD("partition", DataTypes.INT()),
            DataTypes.FIELD("offset", DataTypes.BIGINT()),
            DataTypes.FIELD("value", DataTypes.BYTES()),
        ]
    )
    answers = t_environment.from_elements([(0, offset, bytearray(value)) for offset, value in enumerate(values)], row)
    with transform(t_environment, answers, Settings()).execute_and_collect("flink_score_job") as rows:
        return [(topic, key, bytes(value)) for topic, key, value in rows]


@pytest.fixture(autouse=True)
def _workers_find_the_project(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2]))


def test_a_submission_goes_through_the_operators() -> None:
    poor = encode(response(0, llm_response="Bananas.", original_answer=REFERENCE))
    good = encode(response(1, llm_response=REFERENCE, original_answer=REFERENCE))
    sent = run_job([poor, poor, b"no message", good, good])
    by_topic = {topic: value for topic, _, value in sent}
    assert sorted(topic for topic, _, _ in sent) == sorted([topics.LOW_QUALITY, topics.PENDING, topics.DEAD_LETTERS, topics.VALIDATED]), (
        "a duplicate sends nothing"
    )
    assert {key for topic, key, _ in sent if topic != topics.DEAD_LETTERS} == {str(QUESTION)}
    question = decode(Question, by_topic[topics.PENDING])
    answer = decode(Validated, by_topic[topics.VALIDATED])
    letter = decode(DeadLetter, by_topic[topics.DEAD_LETTERS])
    assert question.best_attempt is not None
    assert question.best_attempt.llm_response == "Bananas."
    assert (answer.accepted_as, answer.first_score) == ("passed", question.first_score)
    assert answer.bert_score == pytest.approx(1.0, abs=0.003)
    assert (letter.partition, letter.offset) == (0, 2)
