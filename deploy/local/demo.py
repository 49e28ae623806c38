"""The demo, as a user would do it in Airflow: provision, load, run traffic, read the summary."""

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
from rich.console import Console
from rich.markup import escape
from rich.status import Status

from deploy.local.airflow_api import ENDED, AirflowApi
from deploy.local.stack import Stack
from streaming.errors import Unreachable, UserError
from streaming.figures.run_summary import RunSummary
from streaming.traffic.demo import complete, demo_plan, paths_table
from streaming.traffic.run_table import run_table

TIMEOUT_S = 180
LOOK_EVERY_S = 1.0
LINES_OF_A_FAILURE = 15
# From a DAG file's being there to Airflow's knowing it.
PARSED_WITHIN_S = 120.0


def run(stack: Stack, dataset: Path, requests: int, console: Console) -> None:
    """Print the summary of a finished run. Raises UserError if a DAG run fails, with the end of the log, or a request has no end."""
    env = stack.environment
    api = AirflowApi(env["ANSWERLOOP_AIRFLOW_URL"], env["ANSWERLOOP_AIRFLOW_USER"], env["ANSWERLOOP_AIRFLOW_PASSWORD"])
    console.print(f"Running in Airflow: {env['ANSWERLOOP_AIRFLOW_URL']}", highlight=False)
    follow(api, "provision", {}, 600, console)
    loading = follow(api, "load_questions", {"path": str(dataset.absolute())}, 3600, console)
    loaded = api.result("load_questions", loading, "load")
    console.print(
        f"    {loaded['questions']} new questions of {loaded['rows']} rows in {loaded['dataset']!r}, {loaded['rejected']} rejected"
    )

    plan = demo_plan(loaded["dataset"], requests)
    form = plan.model_dump(mode="json", include={"dataset", "requests", "arrivals", "rate", "popularity", "zipf_exponent", "seed"})
    deadline_s = requests / plan.rate + 3 * TIMEOUT_S
    running = follow(api, "traffic_run", {**form, "timeout_s": TIMEOUT_S}, deadline_s, console)
    summary = msgspec.convert(api.result("traffic_run", running, "summary"), RunSummary)
    console.print(run_table(summary))
    console.print(paths_table(summary))
    if not complete(summary):
        raise UserError("The run is not complete: some requests were neither answered nor failed.")
    console.print("[bold green]Drained and complete[/]: every request was answered or has failed for a recorded reason.")


def follow(api: AirflowApi, dag_id: str, conf: Mapping[str, Any], deadline_s: float, console: Console) -> str:
    """Trigger the DAG, show how it gets on and return the id of its run once that has succeeded."""
    started = time.monotonic()
    with console.status(f"{dag_id}: until Airflow knows it") as display:
        _until_known(api, dag_id)
        dag_run_id = api.trigger(dag_id, conf)
        while (state := api.dag_run(dag_id, dag_run_id)["state"]) not in ENDED:
            if time.monotonic() - started > deadline_s:
                raise Unreachable(f"{dag_id} ({dag_run_id}) has not ended within {deadline_s:.0f} s: look at it in Airflow")
            _show(api, dag_id, dag_run_id, display)
            time.sleep(LOOK_EVERY_S)
    if state != "success":
        raise UserError(_failure(api, dag_id, dag_run_id))
    console.print(f"  [green]✓[/] {dag_id:<18} {time.monotonic() - started:.0f} s", highlight=False)
    return dag_run_id


def _until_known(api: AirflowApi, dag_id: str) -> None:
    until = time.monotonic() + PARSED_WITHIN_S
    while dag_id not in api.dags():
        if time.monotonic() > until:
            raise Unreachable(f"Airflow does not know the DAG {dag_id!r}: see the log of airflow-dag-processor, or import errors in its UI")
        time.sleep(LOOK_EVERY_S)


def _show(api: AirflowApi, dag_id: str, dag_run_id: str, display: Status) -> None:
    """The task that is under way, and the last line of its log."""
    under_way = [task for task in api.tasks(dag_id, dag_run_id) if task["state"] in ("running", "deferred")]
    if not under_way:
        return
    newest = under_way[-1]
    lines = api.log(dag_id, dag_run_id, newest)
    display.update(f"{dag_id}: {newest['task_id']} [dim]{escape(lines[-1][:100]) if lines else ''}[/]")


def _failure(api: AirflowApi, dag_id: str, dag_run_id: str) -> str:
    """Which task of a failed run failed, and the end of its log."""
    failed = [task for task in api.tasks(dag_id, dag_run_id) if task["state"] == "failed"]
    if not failed:
        return f"{dag_id} ({dag_run_id}) failed, and none of its tasks: was it marked as failed?"
    lines = [f"    {line}" for task in failed[:1] for line in api.log(dag_id, dag_run_id, task)[-LINES_OF_A_FAILURE:]]
    return "\n".join([f"{dag_id} failed in its task {failed[0]['task_id']!r}. The end of its log:", *lines])
