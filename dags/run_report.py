"""The report of a traffic run: every figure of Kafka, the model, Flink and the whole loop, with charts.

It starts by itself when a run has ended (the asset `answerloop_runs`, and the run's own last task), and whatever started it, it reports
every run that has ended without a report; `reconcile_pending` starts it for what was missed. Started by hand, the form may name a run; one
that is still going on is reported up to now. The task's log shows the figures and where the HTML, JSON and CSV files are; a second time
replaces them.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from airflow.sdk import Param, dag, task

from answerloop_airflow.assets import REPORTS, RUNS
from answerloop_airflow.reports import report_run, runs_to_report

FORM = {
    "run_id": Param(
        None,
        type=["string", "null"],
        minLength=1,
        maxLength=500,
        title="Run",
        description="The run_id of a traffic run, as its summary shows it; empty: every run that has ended and has no report.",
    ),
}


@dag(
    schedule=[RUNS],
    params=FORM,
    # A run's end starts this twice: the second finds what the first has made, and makes nothing again.
    max_active_runs=1,
    doc_md=__doc__,
    description="A traffic run's figures and charts.",
    tags=["answerloop", "reports"],
    default_args={"owner": "answerloop", "retries": 2, "retry_delay": timedelta(seconds=10), "execution_timeout": timedelta(minutes=30)},
)
def run_report() -> None:
    """A task for each run, so that each report is an event of its asset. Retries are harmless: a report replaces itself."""

    @task
    def runs(*, params: dict[str, Any]) -> list[str]:
        return runs_to_report(params["run_id"])

    @task(inlets=[RUNS], outlets=[REPORTS], map_index_template="{{ task.op_kwargs['run'] }}")
    def report(run: str, *, outlet_events: Any) -> dict[str, Any]:
        made = report_run(run)
        outlet_events[REPORTS].extra = {name: made[name] for name in ("kind", "subject", "path")}
        return made

    report.expand(run=runs())


run_report()
