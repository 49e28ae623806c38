"""Airflow of the running stack as tests use it."""

import os
from collections.abc import Mapping
from typing import Any

import httpx

from deploy.local.airflow_api import ENDED, AirflowApi
from tests import stack


def api() -> AirflowApi:
    """Logged in, once Airflow knows its DAGs."""
    logged_in = AirflowApi(*(os.environ[f"ANSWERLOOP_AIRFLOW_{name}"] for name in ("URL", "USER", "PASSWORD")))
    stack.until(lambda: {"provision", "load_questions", "traffic_run"} <= logged_in.dags(), "Airflow knows the DAGs", 120)
    return logged_in


def http(path: str = "") -> httpx.Client:
    """Logged in, for what the API's client does not ask: requests below `path`. Close it."""
    url = os.environ["ANSWERLOOP_AIRFLOW_URL"]
    login = {"username": os.environ["ANSWERLOOP_AIRFLOW_USER"], "password": os.environ["ANSWERLOOP_AIRFLOW_PASSWORD"]}
    token = httpx.post(f"{url}/auth/token", json=login, timeout=30).raise_for_status().json()["access_token"]
    return httpx.Client(base_url=f"{url}{path}", headers={"Authorization": f"Bearer {token}"}, timeout=30)


def ended(airflow: AirflowApi, dag_id: str, dag_run_id: str, deadline_s: float = 240) -> str:
    """The state in which the run ends."""
    stack.until(lambda: airflow.dag_run(dag_id, dag_run_id)["state"] in ENDED, f"{dag_id} {dag_run_id} ends", deadline_s)
    return str(airflow.dag_run(dag_id, dag_run_id)["state"])


def succeeded(airflow: AirflowApi, dag_id: str, dag_run_id: str, deadline_s: float = 240) -> None:
    """Fails with the logs of the tasks that failed."""
    if ended(airflow, dag_id, dag_run_id, deadline_s) != "success":
        raise AssertionError("\n".join(f"{task['task_id']}: {line}" for task, log in failures(airflow, dag_id, dag_run_id) for line in log))


def failures(airflow: AirflowApi, dag_id: str, dag_run_id: str) -> list[tuple[Mapping[str, Any], list[str]]]:
    """The tasks that failed and their logs."""
    failed = [task for task in airflow.tasks(dag_id, dag_run_id) if task["state"] == "failed"]
    return [(task, airflow.log(dag_id, dag_run_id, task)) for task in failed]


def state_of(airflow: AirflowApi, dag_id: str, dag_run_id: str, task_id: str) -> set[str | None]:
    """The states of the instances of a task; more than one where it is mapped."""
    return {task["state"] for task in airflow.tasks(dag_id, dag_run_id) if task["task_id"] == task_id}
