"""The trigger that waits until the score job runs."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import httpx
from airflow.sdk import BaseHook
from airflow.triggers.base import BaseTrigger, TriggerEvent

from answerloop_airflow.connections import http_url

LOOK_EVERY_S = 1.0


class ScoreJobTrigger(BaseTrigger):
    """Fires with the submitter's last view of the job once its state is "running", or at `deadline` (ISO 8601 with zone).

    `conn_id`: the connection of the job submitter. A submitter that does not answer shows as state "unknown".
    """

    def __init__(self, conn_id: str, deadline: str) -> None:
        super().__init__()
        self.conn_id = conn_id
        self.deadline = deadline

    def serialize(self) -> tuple[str, dict[str, Any]]:
        return f"{type(self).__module__}.{type(self).__qualname__}", {"conn_id": self.conn_id, "deadline": self.deadline}

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Ask every second."""
        url = http_url(await BaseHook.aget_connection(self.conn_id))
        async with httpx.AsyncClient(base_url=url, timeout=5.0, trust_env=False) as client:
            while True:
                view = await _view(client)
                if view["state"] == "running" or datetime.now(UTC) >= datetime.fromisoformat(self.deadline):
                    yield TriggerEvent(view)
                    return
                self.log.info("score job: %s %s", view["state"], view.get("failure") or "")
                await asyncio.sleep(LOOK_EVERY_S)


async def _view(client: httpx.AsyncClient) -> dict[str, Any]:
    try:
        return dict((await client.get("/job")).raise_for_status().json())
    except (httpx.HTTPError, ValueError) as err:
        return {"state": "unknown", "failure": f"the job submitter at {client.base_url} does not answer: {err!r}"}
