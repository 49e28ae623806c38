"""Airflow's REST API, as far as the demo needs it: trigger a DAG, follow its run, read a result or the log of what failed."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

import httpx

from streaming.errors import ConfigurationError, Unreachable, UserError

TIMEOUT_S = 30.0
ENDED = ("success", "failed")


class AirflowApi:
    """Logged in as one user. Every call raises Unreachable when Airflow does not answer, UserError with its words when it refuses.

    `url`: where Airflow is, such as http://127.0.0.1:8080.
    """

    def __init__(self, url: str, user: str, password: str, transport: httpx.BaseTransport | None = None) -> None:
        self._http = httpx.Client(base_url=url, timeout=TIMEOUT_S, trust_env=False, transport=transport)
        self._login = {"username": user, "password": password}
        self._url = url

    def dags(self) -> set[str]:
        """The DAGs that Airflow has parsed."""
        return {each["dag_id"] for each in self._call("GET", "/dags", params={"limit": 100})["dags"]}

    def trigger(self, dag_id: str, conf: Mapping[str, Any], dag_run_id: str | None = None) -> str:
        """Start a run of the DAG with these values of its form; returns the run's id."""
        body = {"logical_date": None, "conf": dict(conf), **({"dag_run_id": dag_run_id} if dag_run_id else {})}
        return str(self._call("POST", f"/dags/{dag_id}/dagRuns", json=body)["dag_run_id"])

    def dag_run(self, dag_id: str, dag_run_id: str) -> dict[str, Any]:
        """The run: `state` among the rest."""
        return dict(self._call("GET", f"/dags/{dag_id}/dagRuns/{quote(dag_run_id)}"))

    def set_state(self, dag_id: str, dag_run_id: str, state: str) -> None:
        """Mark the run as success or failed, as a user does."""
        self._call("PATCH", f"/dags/{dag_id}/dagRuns/{quote(dag_run_id)}", json={"state": state})

    def clear(self, dag_id: str, dag_run_id: str, *, only_failed: bool) -> None:
        """Run the tasks of the run again, or those of them that did not succeed."""
        body = {"dry_run": False, "only_failed": only_failed}
        self._call("POST", f"/dags/{dag_id}/dagRuns/{quote(dag_run_id)}/clear", json=body)

    def tasks(self, dag_id: str, dag_run_id: str) -> list[dict[str, Any]]:
        """The run's task instances, in the order of their start: task_id, map_index, state, try_number among the rest."""
        found = self._call("GET", f"/dags/{dag_id}/dagRuns/{quote(dag_run_id)}/taskInstances")["task_instances"]
        return sorted(found, key=lambda each: each["start_date"] or "~")

    def result(self, dag_id: str, dag_run_id: str, task_id: str, map_index: int = -1) -> Any:
        """What the task returned; `map_index`: which instance of a mapped one."""
        path = f"/dags/{dag_id}/dagRuns/{quote(dag_run_id)}/taskInstances/{task_id}/xcomEntries/return_value"
        return self._call("GET", path, params={"deserialize": "true", "map_index": map_index})["value"]

    def asset_events(self, dag_id: str) -> list[dict[str, Any]]:
        """The newest events of assets that the DAG updated: `extra` among the rest."""
        params: dict[str, Any] = {"source_dag_id": dag_id, "order_by": "-timestamp", "limit": 50}
        return list(self._call("GET", "/assets/events", params=params)["asset_events"])

    def update_asset(self, name: str, extra: Mapping[str, Any]) -> None:
        """Say that the asset was updated, as a task does that has it as an outlet."""
        (asset,) = self._call("GET", "/assets", params={"name_pattern": name})["assets"]
        self._call("POST", "/assets/events", json={"asset_id": asset["id"], "extra": dict(extra)})

    def asked(self, dag_id: str, dag_run_id: str, task_id: str) -> dict[str, Any]:
        """What a waiting task asks of a person: `subject`, `body`, `options`."""
        return dict(self._call("GET", f"/dags/{dag_id}/dagRuns/{quote(dag_run_id)}/taskInstances/{task_id}/-1/hitlDetails"))

    def answer(self, dag_id: str, dag_run_id: str, task_id: str, option: str) -> None:
        """Choose one of the options, as a user does."""
        path = f"/dags/{dag_id}/dagRuns/{quote(dag_run_id)}/taskInstances/{task_id}/-1/hitlDetails"
        self._call("PATCH", path, json={"chosen_options": [option]})

    def log(self, dag_id: str, dag_run_id: str, task: Mapping[str, Any]) -> list[str]:
        """The lines of the task instance's newest try: what was logged, with its level, without what folds the log in the UI."""
        path = f"/dags/{dag_id}/dagRuns/{quote(dag_run_id)}/taskInstances/{task['task_id']}/logs/{task['try_number']}"
        content = self._call("GET", path, params={"map_index": task["map_index"]}, headers={"Accept": "application/json"})["content"]
        return [line for event in content if "::group::" not in (line := _line(event)) and "::endgroup::" not in line]

    def _call(self, method: str, path: str, **options: Any) -> Any:
        try:
            if "Authorization" not in self._http.headers:
                self._http.headers["Authorization"] = f"Bearer {self._token()}"
            reply = self._http.request(method, f"/api/v2{path}", **options)
        except httpx.TransportError as err:
            raise Unreachable(f"Airflow at {self._url} does not answer ({err!r}): is the stack up (`make up`)?") from err
        if reply.status_code >= 500:
            raise Unreachable(f"Airflow answers {reply.status_code} to {method} {path}: {reply.text[:500]}")
        if not reply.is_success:
            raise UserError(f"Airflow refuses {method} {path} with {reply.status_code}: {reply.text[:1000]}")
        return reply.json()

    def _token(self) -> str:
        reply = self._http.post("/auth/token", json=self._login)
        if reply.status_code == 401:
            raise ConfigurationError(
                f"Airflow at {self._url} refuses the login of {self._login['username']!r}: is `.local/env` this stack's?"
            )
        return str(reply.raise_for_status().json()["access_token"])


def _line(event: Any) -> str:
    if isinstance(event, str):
        return event
    errors = [f"{each['exc_type']}: {each['exc_value']}" for each in event.get("error_detail") or ()]
    return " ".join([str(event.get("level") or "").upper(), str(event.get("event", "")), *errors]).strip()
