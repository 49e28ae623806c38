"""Every 15 minutes asks questions again that are pending and lost: the last net, for a record that vanished, say with a Kafka disk.

It calls the API's requeue-stuck, which looks twice, 15 s apart: only when nothing moves in the loop and every group has read everything
is a pending question lost. While there is traffic it does nothing, and says so; it waits for a lull.

It also has reported what ended without a report, however that was missed: a run cancelled, timed out or started outside Airflow, or
an event that was lost.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from airflow.providers.standard.operators.trigger_dagrun import TriggerDagRunOperator
from airflow.sdk import dag, task

from answerloop_airflow import reconcile
from answerloop_airflow.unreported import find_unreported


@dag(
    schedule="*/15 * * * *",
    catchup=False,
    max_active_runs=1,
    doc_md=__doc__,
    description="Pending questions that are lost, asked again; runs that ended without a report, reported.",
    tags=["answerloop", "failures"],
    default_args={"owner": "answerloop", "retries": 2, "retry_delay": timedelta(seconds=30)},
)
def reconcile_pending() -> None:
    """A retry is harmless: what went out again is no longer lost, what was reported is not missing."""

    @task
    def requeue_stuck() -> dict[str, Any]:
        return reconcile.requeue_stuck()

    @task.short_circuit
    def unreported() -> list[str]:
        return find_unreported()

    report = TriggerDagRunOperator(task_id="report", trigger_dag_id="run_report", trigger_run_id="report__{{ run_id }}", reset_dag_run=True)
    requeue_stuck()
    unreported() >> report


reconcile_pending()
