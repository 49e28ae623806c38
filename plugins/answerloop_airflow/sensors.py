"""A sensor for consumer lag."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from airflow.providers.apache.kafka.hooks.base import KafkaBaseHook
from airflow.sdk import BaseSensorOperator

from answerloop_airflow import connections
from answerloop_airflow.sentences import told_in_a_sentence

if TYPE_CHECKING:
    from airflow.sdk import Context


class ConsumerLagSensor(BaseSensorOperator):
    """Waits until a consumer group has at most `max_lag` records left to do, over all partitions of `topics`.

    `topics`: default: those that the loop's group of this name reads. A partition that the group never committed counts in full. The
    connection is one of the Kafka provider's type. Use `mode="reschedule"` for long waits.
    """

    template_fields: Sequence[str] = ("group", "topics", "max_lag")

    def __init__(
        self,
        *,
        group: str,
        max_lag: int | str = 0,
        topics: Sequence[str] | None = None,
        kafka_conn_id: str = connections.KAFKA,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.group = group
        self.max_lag = max_lag
        self.topics = topics
        self.kafka_conn_id = kafka_conn_id

    def poke(self, context: Context) -> bool:
        """Whether the lag is at most `max_lag` now. Raises AirflowFailException for a group without topics."""
        from streaming.errors import UserError
        from streaming.topics import CONSUMED_BY

        with told_in_a_sentence():
            topics = self.topics or CONSUMED_BY.get(self.group)
            if not topics:
                raise UserError(f"{self.group!r} is none of the loop's groups ({', '.join(CONSUMED_BY)}): give its `topics`.")
            lag = self.lag(topics)
        self.log.info("%s is %d records behind on %s", self.group, lag, ", ".join(topics))
        return lag <= int(self.max_lag)

    def lag(self, topics: Sequence[str]) -> int:
        """Records on these topics that the group has not done. Raises Unreachable."""
        from streaming.kafka.positions import KafkaPositions, standings

        settings = connections.kafka_settings(KafkaBaseHook.get_connection(self.kafka_conn_id))
        kafka = KafkaPositions(settings.kafka_bootstrap, settings.kafka_login)
        return sum(each.lag for each in standings(kafka, {self.group: topics}))
