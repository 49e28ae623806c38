"""The lag sensor."""

from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowException, AirflowFailException

from answerloop_airflow.sensors import ConsumerLagSensor
from streaming.errors import Unreachable
from streaming.kafka import positions as kafka_positions
from streaming.kafka.client import Committed, TopicPartition
from streaming.kafka.positions import Log

LOGS = {TopicPartition("t", 0): Log(0, 10), TopicPartition("t", 1): Log(0, 5)}


class Cluster:
    """Two partitions: one read up to 8, one never read."""

    asked: tuple[Any, ...] = ()

    def __init__(self, bootstrap: str, login: dict[str, str]) -> None:
        assert login == {}
        self.bootstrap = bootstrap

    def partitions(self, topics: Any) -> list[TopicPartition]:
        Cluster.asked = (self.bootstrap, tuple(topics))
        return list(LOGS)

    def logs(self, topics: Any) -> dict[TopicPartition, Log]:
        return LOGS

    def positions(self, group: str, partitions: Any) -> dict[TopicPartition, Committed]:
        return {TopicPartition("t", 0): Committed(8, ""), TopicPartition("t", 1): Committed(None, "")}


@pytest.fixture(autouse=True)
def cluster(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kafka_positions, "KafkaPositions", Cluster)


@pytest.mark.parametrize(("most", "enough"), [(6, False), (7, True), ("7", True)])
def test_it_waits_until_at_most_so_many_records_are_unread(most: int | str, enough: bool) -> None:
    assert ConsumerLagSensor(task_id="lag", group="mine", topics=["t"], max_lag=most).poke({}) is enough
    assert Cluster.asked == ("127.0.0.1:4", ("t",))


def test_a_group_of_the_loop_needs_no_topics() -> None:
    ConsumerLagSensor(task_id="lag", group="retry_quota_consumer").poke({})
    assert Cluster.asked[1] == ("llm-responses-error-quota",)


def test_a_group_that_nobody_knows_fails_with_those_there_are() -> None:
    with pytest.raises(AirflowFailException, match=r"'typo' is none of the loop's groups \(llm_consumer_service, "):
        ConsumerLagSensor(task_id="lag", group="typo").poke({})


def test_a_cluster_that_is_away_may_be_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*_: Any) -> None:
        raise Unreachable("Kafka is away.")

    monkeypatch.setattr(Cluster, "partitions", away)
    with pytest.raises(AirflowException, match="Kafka is away"):
        ConsumerLagSensor(task_id="lag", group="mine", topics=["t"]).poke({})
