"""Asks questions again that have failed: those of a cause, a run, a time, a text in the error, with another model if you like.

* `choose` checks the form and shows how many match, and a sample. The choice is made once: later tasks and reruns keep to it.
* `approve` waits for a person when more are chosen than may go without asking. Rejected, or after a week, nothing is replayed.
* `send` replays them through the API, a bounded number at a time.
* `wait` waits, without holding a worker, until each is answered or has failed again.
* `outcome` says how many recovered, and why the others failed again; also when there was nothing to do.

A failed submission is replayed once, however often a task is retried or cleared, so that anything broken off goes on where it stopped.
What has failed keeps its history.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from airflow.providers.standard.operators.hitl import ApprovalOperator
from airflow.sdk import dag, task

from answerloop_airflow import replays
from answerloop_airflow.forms import params
from answerloop_airflow.operators.replay import WaitForReplayOperator
from answerloop_airflow.runs import traffic_run_id
from streaming.replays.plan import ReplayPlan

# The replay is named after the DAG run, and is found under that name in the history of its questions.
REPLAY_ID = "{{ replay_id(run_id) }}"


@dag(
    schedule=None,
    params=params(ReplayPlan),
    user_defined_macros={"replay_id": traffic_run_id},
    doc_md=__doc__,
    description="Failed questions, chosen and asked again.",
    tags=["answerloop", "failures"],
    default_args={"owner": "answerloop", "retries": 2, "retry_delay": timedelta(seconds=5)},
)
def replay_failed_questions() -> None:
    """Retries are harmless: the API replays a failed submission once."""

    @task
    def choose(replay_id: str, *, params: dict[str, Any]) -> dict[str, Any]:
        return replays.choose(replay_id, params)

    @task.branch
    def decide(chosen: dict[str, Any]) -> str:
        if not chosen["goes_on"]:
            return "outcome"
        return "approve" if chosen["needs_approval"] else "send"

    @task(trigger_rule="none_failed_min_one_success")
    def send(chosen: dict[str, Any], *, params: dict[str, Any]) -> None:
        replays.send(chosen, params)

    @task(trigger_rule="none_failed")
    def outcome(chosen: dict[str, Any], *, params: dict[str, Any]) -> dict[str, Any]:
        return replays.conclude(chosen, params)

    approve = ApprovalOperator(
        task_id="approve",
        subject="{{ ti.xcom_pull(task_ids='choose')['verdict'] }}",
        body="{{ ti.xcom_pull(task_ids='choose')['shown'] }}",
        defaults=ApprovalOperator.REJECT,
        response_timeout=timedelta(days=7),
    )
    wait = WaitForReplayOperator(task_id="wait", subject=REPLAY_ID, timeout_s="{{ params.timeout_s }}")
    chosen: Any = choose(REPLAY_ID)
    decided, sent, told = decide(chosen), send(chosen), outcome(chosen)
    decided >> approve >> sent >> wait >> told
    decided >> [sent, told]


replay_failed_questions()
