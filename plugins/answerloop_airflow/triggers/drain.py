"""The trigger that waits until a traffic run has drained."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from airflow.triggers.base import TriggerEvent

from answerloop_airflow.triggers.loop import LoopTrigger

LOG_EVERY_S = 5.0


class DrainTrigger(LoopTrigger):
    """Fires once when the run `subject` has drained, or at the deadline.

    The event: {"pending": {stage: questions}, "unread": {group: records}, "problem": why nobody could look, or null}; drained means that
    all three are empty. Cancelled by a user, it records the run as cancelled.
    """

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Look until the run has drained or time is up; say every few seconds what it waits for."""
        from streaming.clock import SystemClock
        from streaming.errors import Unreachable
        from streaming.kafka.positions import KafkaPositions
        from streaming.traffic.drain import Backlog, wait_until_drained

        settings = await self.settings()
        kafka = await asyncio.to_thread(KafkaPositions, settings.kafka_bootstrap, settings.kafka_login)
        while True:
            left_s = self.left_s()
            problem = None
            try:
                backlog = await wait_until_drained(
                    settings.database_url, kafka, self.subject, max(min(LOG_EVERY_S, left_s), 0.0), SystemClock()
                )
                self.log.info("run %s: %s", self.subject, f"{max(left_s, 0):.0f} s left; {backlog}" if backlog else "drained")
            except Unreachable as err:
                backlog, problem = Backlog({}, {}), str(err)
                self.log.warning("run %s, %.0f s left: %s", self.subject, left_s, err)
                await asyncio.sleep(1)
            if left_s <= 0 or not (backlog or problem):
                yield TriggerEvent({"pending": dict(backlog.pending), "unread": dict(backlog.unread), "problem": problem})
                return

    async def on_kill(self) -> None:
        """A user has ended the wait: the run is cancelled."""
        from streaming.clock import SystemClock
        from streaming.traffic import run, runs

        await run.end_run(self.subject, runs.CANCELLED, await self.settings(), SystemClock())
