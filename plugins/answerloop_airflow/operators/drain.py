"""An operator that waits until a traffic run has drained, without holding a worker."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, NoReturn

from airflow.sdk import BaseOperator
from airflow.sdk.exceptions import AirflowFailException

from answerloop_airflow import connections
from answerloop_airflow.sentences import told_in_a_sentence
from answerloop_airflow.triggers.drain import DrainTrigger

if TYPE_CHECKING:
    from airflow.sdk import Context

    from streaming.settings import Settings

# Past its own deadline the trigger has this long to fire before Airflow gives up on it.
GRACE = timedelta(minutes=5)


class WaitForDrainOperator(BaseOperator):
    """Defers until all questions of the run are answered or failed and the persister has caught up, at most `timeout_s` seconds.

    Not drained by then, the run's state becomes "timed_out", its summary is stored as it stands, and the task fails with what is still
    where. `timeout_s` may be a template. Nothing is changed by a retry.
    """

    template_fields: Sequence[str] = ("run_id", "timeout_s")

    def __init__(
        self,
        *,
        run_id: str,
        timeout_s: float | str,
        api_conn_id: str = connections.API,
        postgres_conn_id: str = connections.POSTGRES,
        kafka_conn_id: str = connections.KAFKA,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.run_id = run_id
        self.timeout_s = timeout_s
        self.api_conn_id = api_conn_id
        self.postgres_conn_id = postgres_conn_id
        self.kafka_conn_id = kafka_conn_id

    def execute(self, context: Context) -> NoReturn:
        """Record that all is sent, and wait in the triggerer."""
        with told_in_a_sentence():
            from streaming.clock import SystemClock
            from streaming.traffic.run import mark_sent

            asyncio.run(mark_sent(self.run_id, self._settings(), SystemClock()))
        timeout = timedelta(seconds=float(self.timeout_s))
        ids = {"api_conn_id": self.api_conn_id, "postgres_conn_id": self.postgres_conn_id, "kafka_conn_id": self.kafka_conn_id}
        trigger = DrainTrigger(run_id=self.run_id, deadline=(datetime.now(UTC) + timeout).isoformat(), **ids)
        self.defer(trigger=trigger, method_name="resume", timeout=timeout + GRACE)

    def resume(self, context: Context, event: Mapping[str, Any]) -> None:
        """Return if the run has drained; else store what there is and fail."""
        from streaming.traffic.drain import Backlog

        backlog, problem = Backlog(event["pending"], event["unread"]), event["problem"]
        if not backlog and not problem:
            self.log.info("run %s has drained", self.run_id)
            return
        with told_in_a_sentence():
            if backlog:
                from streaming.clock import SystemClock
                from streaming.traffic.run import close_run

                asyncio.run(close_run(self.run_id, backlog, self._settings(), SystemClock()))
        sentence = (
            f"The run {self.run_id} has not drained within {float(self.timeout_s):g} s: {problem or backlog}. "
            "See which service is not ready (`make status`); when all are, clear this task and it waits again."
        )
        self.log.error("%s", sentence)
        raise AirflowFailException(sentence)

    def _settings(self) -> Settings:
        return connections.loop_settings(self.api_conn_id, self.postgres_conn_id, self.kafka_conn_id)
