"""Asks questions again that are pending and lost, every 15 minutes: the last net, for a record that vanished, say with a Kafka disk.

It calls the API's requeue-stuck, which looks twice, 15 s apart: only when nothing moves in the loop and every group has read everything
is a pending question lost. While there is traffic it does nothing, and says so; it waits for a lull.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from airflow.sdk import dag, task

from answerloop_airflow import reconcile


@dag(
    schedule="*/15 * * * *",
    catchup=False,
    max_active_runs=1,
    doc_md=__doc__,
    description="Pending questions that are lost, asked again.",
    tags=["answerloop", "failures"],
    default_args={"owner": "answerloop", "retries": 2, "retry_delay": timedelta(seconds=30)},
)
def reconcile_pending() -> None:
    """A retry is harmless: what went out again is no longer lost."""

    @task
    def requeue_stuck() -> dict[str, Any]:
        return reconcile.requeue_stuck()

    requeue_stuck()


reconcile_pending()
