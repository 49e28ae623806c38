"""The trigger that waits until a replay has ended."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

from airflow.triggers.base import BaseTrigger, TriggerEvent

from answerloop_airflow import connections

LOOK_EVERY_S = 1.0
LOG_EVERY_S = 5.0


class ReplayTrigger(BaseTrigger):
    """Fires once every question of the replay is answered or has failed again, or at `deadline` (ISO 8601 with zone).

    The event: {"pending": questions without an end, "told": the outcome so far in a sentence, "problem": why nobody could look, or null}.
    """

    def __init__(
        self,
        replay_id: str,
        deadline: str,
        api_conn_id: str = connections.API,
        postgres_conn_id: str = connections.POSTGRES,
        kafka_conn_id: str = connections.KAFKA,
    ) -> None:
        super().__init__()
        self.replay_id = replay_id
        self.deadline = deadline
        self.api_conn_id = api_conn_id
        self.postgres_conn_id = postgres_conn_id
        self.kafka_conn_id = kafka_conn_id

    def serialize(self) -> tuple[str, dict[str, Any]]:
        fields = ("replay_id", "deadline", "api_conn_id", "postgres_conn_id", "kafka_conn_id")
        return f"{type(self).__module__}.{type(self).__qualname__}", {field: getattr(self, field) for field in fields}

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Look every second until the replay has ended or time is up; say every few seconds how it stands."""
        from streaming.errors import Unreachable
        from streaming.replays.outcome import read_outcome

        settings = await connections.aloop_settings(self.api_conn_id, self.postgres_conn_id, self.kafka_conn_id)
        said, clock = -LOG_EVERY_S, asyncio.get_running_loop().time
        while True:
            left_s = (datetime.fromisoformat(self.deadline) - datetime.now(UTC)).total_seconds()
            try:
                outcome = await asyncio.to_thread(read_outcome, settings.database_url, self.replay_id)
                pending, told, problem = outcome.pending, str(outcome), None
            except Unreachable as err:
                pending, told, problem = 0, "", str(err)
            if left_s <= 0 or not (pending or problem):
                yield TriggerEvent({"pending": pending, "told": told, "problem": problem})
                return
            if clock() - said >= LOG_EVERY_S:
                said = clock()
                self.log.info("%.0f s left; %s", left_s, problem or told)
            await asyncio.sleep(LOOK_EVERY_S)
