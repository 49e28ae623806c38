"""The trigger that waits until a traffic run has drained."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from airflow.triggers.base import BaseTrigger, TriggerEvent

from answerloop_airflow import connections

if TYPE_CHECKING:
    from streaming.settings import Settings

LOG_EVERY_S = 5.0


class DrainTrigger(BaseTrigger):
    """Fires once when the run has drained, or at `deadline` (ISO 8601 with zone), whatever happened to the triggerer in between.

    The event: {"pending": {stage: questions}, "unread": {group: records}, "problem": why nobody could look, or null}; drained means that
    all three are empty. Cancelled by a user, it records the run as cancelled.
    """

    def __init__(
        self,
        run_id: str,
        deadline: str,
        api_conn_id: str = connections.API,
        postgres_conn_id: str = connections.POSTGRES,
        kafka_conn_id: str = connections.KAFKA,
    ) -> None:
        super().__init__()
        self.run_id = run_id
        self.deadline = deadline
        self.api_conn_id = api_conn_id
        self.postgres_conn_id = postgres_conn_id
        self.kafka_conn_id = kafka_conn_id

    def serialize(self) -> tuple[str, dict[str, Any]]:
        fields = ("run_id", "deadline", "api_conn_id", "postgres_conn_id", "kafka_conn_id")
        return f"{type(self).__module__}.{type(self).__qualname__}", {field: getattr(self, field) for field in fields}

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Look until the run has drained or time is up; say every few seconds what it waits for."""
        from streaming.clock import SystemClock
        from streaming.errors import Unreachable
        from streaming.kafka.positions import KafkaPositions
        from streaming.traffic.drain import Backlog, wait_until_drained

        settings = await self._settings()
        kafka = await asyncio.to_thread(KafkaPositions, settings.kafka_bootstrap, settings.kafka_login)
        while True:
            left_s = (datetime.fromisoformat(self.deadline) - datetime.now(UTC)).total_seconds()
            problem = None
            try:
                backlog = await wait_until_drained(
                    settings.database_url, kafka, self.run_id, max(min(LOG_EVERY_S, left_s), 0.0), SystemClock()
                )
                self.log.info("run %s: %s", self.run_id, f"{max(left_s, 0):.0f} s left; {backlog}" if backlog else "drained")
            except Unreachable as err:
                backlog, problem = Backlog({}, {}), str(err)
                self.log.warning("run %s, %.0f s left: %s", self.run_id, left_s, err)
                await asyncio.sleep(1)
            if left_s <= 0 or not (backlog or problem):
                yield TriggerEvent({"pending": dict(backlog.pending), "unread": dict(backlog.unread), "problem": problem})
                return

    async def on_kill(self) -> None:
        """A user has ended the wait: the run is cancelled."""
        from streaming.clock import SystemClock
        from streaming.traffic import run, runs

        await run.end_run(self.run_id, runs.CANCELLED, await self._settings(), SystemClock())

    async def _settings(self) -> Settings:
        return await connections.aloop_settings(self.api_conn_id, self.postgres_conn_id, self.kafka_conn_id)
