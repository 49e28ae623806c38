"""Who may read and write what in Kafka, against what the services do."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from flink.tables import SENT_TO
from streaming import topics
from streaming.access import OBSERVERS, WRITTEN_BY, rules
from streaming.kafka.acls import DESCRIBE, GROUP, READ, TOPIC, WRITE
from streaming.topics import CONSUMED_BY, TOPICS

ROOT = Path(__file__).parents[2]
CLIENTS = {"KafkaProducer", "KafkaConsumer", "KafkaAdmin", "KafkaPositions"}


def test_the_score_job_may_write_what_it_sends() -> None:
    assert set(WRITTEN_BY[topics.FLINK_SCORE_JOB]) == set(SENT_TO)


def test_every_group_reads_its_own_topics_as_itself_and_nothing_else() -> None:
    for group, consumed in CONSUMED_BY.items():
        read = {(rule.kind, rule.name) for rule in rules() if (rule.login, rule.operation) == (group, READ)}
        assert read == {(GROUP, group), *((TOPIC, topic) for topic in consumed)}


def test_every_topic_but_that_of_dead_letters_is_written_by_somebody_and_read_by_somebody() -> None:
    written = {rule.name for rule in rules() if rule.operation == WRITE}
    read = {rule.name for rule in rules() if (rule.kind, rule.operation) == (TOPIC, READ)}
    assert written == {spec.name for spec in TOPICS}
    assert read == written - {topics.DEAD_LETTERS}


def test_who_only_watches_may_only_watch() -> None:
    for login in set(OBSERVERS) - WRITTEN_BY.keys():
        assert {rule.operation for rule in rules() if rule.login == login} == {DESCRIBE}


def clients() -> Iterator[tuple[str, ast.Call]]:
    for folder in ("streaming", "plugins", "dags", "bench", "deploy", "flink"):
        for file in (ROOT / folder).rglob("*.py"):
            for node in ast.walk(ast.parse(file.read_text())):
                if isinstance(node, ast.Call) and CLIENTS & {each.id for each in [node.func, *node.args] if isinstance(each, ast.Name)}:
                    yield f"{file.relative_to(ROOT)}:{node.lineno}", node


@pytest.mark.parametrize(("place", "call"), list(clients()), ids=lambda each: each if isinstance(each, str) else "")
def test_every_client_of_kafka_logs_in(place: str, call: ast.Call) -> None:
    given = [*call.args, *(keyword.value for keyword in call.keywords)]
    assert any(ast.unparse(each).endswith(("kafka_login", "login")) for each in given), place
