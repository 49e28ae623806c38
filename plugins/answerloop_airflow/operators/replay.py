"""An operator that waits until a replay has ended, without holding a worker."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from answerloop_airflow.operators.waiting import WaitInTriggerer
from answerloop_airflow.triggers.replay import ReplayTrigger

if TYPE_CHECKING:
    from airflow.sdk import Context


class WaitForReplayOperator(WaitInTriggerer):
    """Defers until every question of the replay `subject` is answered or has failed again; fails with the rest that is neither in time."""

    trigger = ReplayTrigger

    def resume(self, context: Context, event: Mapping[str, Any]) -> None:
        """Return if the replay has ended; else fail with how it stands."""
        if event["pending"] or event["problem"]:
            raise self.given_up("The replay has not ended", event["problem"] or event["told"])
        self.log.info("%s", event["told"])
