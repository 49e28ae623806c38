"""What waits in the triggerer for something of the loop, with a deadline."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from airflow.triggers.base import BaseTrigger

from answerloop_airflow import connections
from answerloop_airflow.connections import DEFAULT, LoopConnections

if TYPE_CHECKING:
    from streaming.settings import Settings


class LoopTrigger(BaseTrigger):
    """A wait for `subject`, a run or a replay, until `deadline` (ISO 8601 with zone), whatever happens to the triggerer in between."""

    def __init__(self, subject: str, deadline: str, conn_ids: LoopConnections | list[str] = DEFAULT) -> None:
        super().__init__()
        self.subject = subject
        self.deadline = deadline
        # Stored with the trigger as a list.
        self.conn_ids = LoopConnections(*conn_ids)

    def serialize(self) -> tuple[str, dict[str, Any]]:
        fields = {"subject": self.subject, "deadline": self.deadline, "conn_ids": list(self.conn_ids)}
        return f"{type(self).__module__}.{type(self).__qualname__}", fields

    def left_s(self) -> float:
        """Seconds until the deadline; below 0 when it is over."""
        return (datetime.fromisoformat(self.deadline) - datetime.now(UTC)).total_seconds()

    async def settings(self) -> Settings:
        """The settings of the loop behind the connections."""
        return await connections.aloop_settings(self.conn_ids)
