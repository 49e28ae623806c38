"""An operator that waits until a traffic run has drained, without holding a worker."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NoReturn

from answerloop_airflow.connections import loop_settings
from answerloop_airflow.operators.waiting import WaitInTriggerer
from answerloop_airflow.sentences import told_in_a_sentence
from answerloop_airflow.triggers.drain import DrainTrigger

if TYPE_CHECKING:
    from airflow.sdk import Context


class WaitForDrainOperator(WaitInTriggerer):
    """Defers until all questions of the run `subject` are answered or failed and the persister has caught up.

    Not drained in time, the run's state becomes "timed_out", its summary is stored as it stands, and the task fails with what is still
    where.
    """

    trigger = DrainTrigger

    def execute(self, context: Context) -> NoReturn:
        """Record that all is sent, and wait in the triggerer."""
        with told_in_a_sentence():
            from streaming.clock import SystemClock
            from streaming.traffic.run import mark_sent

            asyncio.run(mark_sent(self.subject, loop_settings(self.conn_ids), SystemClock()))
        super().execute(context)

    def resume(self, context: Context, event: Mapping[str, Any]) -> None:
        """Return if the run has drained; else store what there is and fail."""
        from streaming.traffic.drain import Backlog

        backlog, problem = Backlog(event["pending"], event["unread"]), event["problem"]
        if not backlog and not problem:
            self.log.info("run %s has drained", self.subject)
            return
        with told_in_a_sentence():
            if backlog:
                from streaming.clock import SystemClock
                from streaming.traffic.run import close_run

                asyncio.run(close_run(self.subject, backlog, loop_settings(self.conn_ids), SystemClock()))
        raise self.given_up(f"The run {self.subject} has not drained", problem or backlog)
