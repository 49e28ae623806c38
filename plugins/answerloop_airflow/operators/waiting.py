"""An operator that waits in the triggerer, so that no worker does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, ClassVar, NoReturn

from airflow.sdk import BaseOperator
from airflow.sdk.exceptions import AirflowFailException

from answerloop_airflow.connections import DEFAULT, LoopConnections
from answerloop_airflow.triggers.loop import LoopTrigger

if TYPE_CHECKING:
    from airflow.sdk import Context

# Past its own deadline the trigger has this long to fire before Airflow gives up on it.
GRACE = timedelta(minutes=5)


class WaitInTriggerer(BaseOperator):
    """Defers to its `trigger` for at most `timeout_s` seconds, which may be a template; a wait that comes to nothing fails the task.

    Nothing is changed by a retry: cleared, the task waits again.
    """

    trigger: ClassVar[type[LoopTrigger]]
    template_fields: Sequence[str] = ("subject", "timeout_s")

    def __init__(self, *, subject: str, timeout_s: float | str, conn_ids: LoopConnections = DEFAULT, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.subject = subject
        self.timeout_s = timeout_s
        self.conn_ids = conn_ids

    def execute(self, context: Context) -> NoReturn:
        """Wait in the triggerer."""
        timeout = timedelta(seconds=float(self.timeout_s))
        trigger = self.trigger(self.subject, (datetime.now(UTC) + timeout).isoformat(), self.conn_ids)
        self.defer(trigger=trigger, method_name="resume", timeout=timeout + GRACE)

    def resume(self, context: Context, event: Mapping[str, Any]) -> None:
        """Return if what was waited for has come, else fail."""
        raise NotImplementedError

    def given_up(self, what: str, why: object) -> AirflowFailException:
        """The failure of this wait, said in the log. `what`: what has not come; `why`: how it stands."""
        sentence = (
            f"{what} within {float(self.timeout_s):g} s: {why}. "
            "See which service is not ready (`make status`); when all are, clear this task and it waits again."
        )
        self.log.error("%s", sentence)
        return AirflowFailException(sentence)
