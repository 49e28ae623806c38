"""The trigger that waits until a replay has ended."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from airflow.triggers.base import TriggerEvent

from answerloop_airflow.triggers.loop import LoopTrigger

LOOK_EVERY_S = 1.0
LOG_EVERY_S = 5.0


class ReplayTrigger(LoopTrigger):
    """Fires once every question of the replay `subject` is answered or has failed again, or at the deadline.

    The event: {"pending": questions without an end, "told": the outcome so far in a sentence, "problem": why nobody could look, or null}.
    """

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Look every second until the replay has ended or time is up; say every few seconds how it stands."""
        from streaming.errors import Unreachable
        from streaming.replays.outcome import read_outcome

        settings = await self.settings()
        said, clock = -LOG_EVERY_S, asyncio.get_running_loop().time
        while True:
            left_s = self.left_s()
            try:
                outcome = await asyncio.to_thread(read_outcome, settings.database_url, self.subject)
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
