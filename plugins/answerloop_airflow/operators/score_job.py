"""An operator that sees to it that the score job runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperator
from airflow.sdk.exceptions import AirflowException

from answerloop_airflow import connections
from answerloop_airflow.hooks import JobSubmitterHook
from answerloop_airflow.sentences import told_in_a_sentence
from answerloop_airflow.triggers.score_job import ScoreJobTrigger

if TYPE_CHECKING:
    from airflow.sdk import Context

GRACE = timedelta(minutes=1)


class EnsureScoreJobOperator(BaseOperator):
    """Asks the job submitter for the score job and waits, deferred, until every task of it runs; at most `timeout_s` seconds.

    Submits nothing itself: the job has one owner. Returns the job's id. Idempotent, so that retries are harmless.
    """

    template_fields: Sequence[str] = ("timeout_s",)

    def __init__(self, *, timeout_s: float | str = 180.0, submitter_conn_id: str = connections.JOB_SUBMITTER, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.timeout_s = timeout_s
        self.submitter_conn_id = submitter_conn_id

    def execute(self, context: Context) -> str:
        """The job's id, at once if it runs already."""
        with told_in_a_sentence():
            view = JobSubmitterHook(self.submitter_conn_id).ask_for_job()
        if view["state"] != "running":
            timeout = timedelta(seconds=float(self.timeout_s))
            trigger = ScoreJobTrigger(self.submitter_conn_id, (datetime.now(UTC) + timeout).isoformat())
            self.defer(trigger=trigger, method_name="resume", timeout=timeout + GRACE)
        return self.resume(context, view)

    def resume(self, context: Context, event: Mapping[str, Any]) -> str:
        """The job's id. Raises AirflowException with the submitter's reason if the job does not run."""
        if event["state"] != "running":
            sentence = (
                f"The score job does not run after {float(self.timeout_s):g} s (state: {event['state']}; "
                f"{event.get('failure') or 'no failure reported'}): see the logs of the job submitter and of Flink, then clear this task."
            )
            self.log.error("%s", sentence)
            raise AirflowException(sentence)
        self.log.info("the score job runs as %s, restored from %s", event["job_id"], event.get("restored_from") or "nothing")
        return str(event["job_id"])
