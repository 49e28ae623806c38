"""An operator that waits until a replay has ended, without holding a worker."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, NoReturn

from airflow.sdk import BaseOperator
from airflow.sdk.exceptions import AirflowFailException

from answerloop_airflow import connections
from answerloop_airflow.triggers.replay import ReplayTrigger

if TYPE_CHECKING:
    from airflow.sdk import Context

# Past its own deadline the trigger has this long to fire before Airflow gives up on it.
GRACE = timedelta(minutes=5)


class WaitForReplayOperator(BaseOperator):
    """Defers until every question of the replay is answered or has failed again, at most `timeout_s` seconds; else fails with the rest.

    Both may be templates. Changes nothing, so that a retry is harmless.
    """

    template_fields: Sequence[str] = ("replay_id", "timeout_s")

    def __init__(
        self,
        *,
        replay_id: str,
        timeout_s: float | str,
        api_conn_id: str = connections.API,
        postgres_conn_id: str = connections.POSTGRES,
        kafka_conn_id: str = connections.KAFKA,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.replay_id = replay_id
        self.timeout_s = timeout_s
        self.api_conn_id = api_conn_id
        self.postgres_conn_id = postgres_conn_id
        self.kafka_conn_id = kafka_conn_id

    def execute(self, context: Context) -> NoReturn:
        """Wait in the triggerer."""
        timeout = timedelta(seconds=float(self.timeout_s))
        ids = {"api_conn_id": self.api_conn_id, "postgres_conn_id": self.postgres_conn_id, "kafka_conn_id": self.kafka_conn_id}
        trigger = ReplayTrigger(replay_id=self.replay_id, deadline=(datetime.now(UTC) + timeout).isoformat(), **ids)
        self.defer(trigger=trigger, method_name="resume", timeout=timeout + GRACE)

    def resume(self, context: Context, event: Mapping[str, Any]) -> None:
        """Return if the replay has ended; else fail with how it stands."""
        if not event["pending"] and not event["problem"]:
            self.log.info("%s", event["told"])
            return
        sentence = (
            f"The replay has not ended within {float(self.timeout_s):g} s: {event['problem'] or event['told']}. "
            "See which service is not ready (`make status`); when all are, clear this task and it waits again."
        )
        self.log.error("%s", sentence)
        raise AirflowFailException(sentence)
