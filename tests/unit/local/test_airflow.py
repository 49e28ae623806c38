"""Airflow of the stack: its settings and connections, and its REST API as the demo uses it."""

import configparser
import json
import stat
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from rich.console import Console

from deploy.local import airflow, demo, environment, ports, private
from deploy.local.airflow_api import AirflowApi
from deploy.local.places import ROOT, Places, places
from streaming.errors import ConfigurationError, Unreachable, UserError

HOME_URL = "http://127.0.0.1:18080"


@pytest.fixture
def here(tmp_path: Path) -> Places:
    chosen = places({"ANSWERLOOP_STATE_DIR": str(tmp_path / "state")}, ROOT, as_root=False)
    chosen.claim()
    return chosen


def test_connections_lead_to_the_stacks_own_components(here: Places) -> None:
    numbers = ports.load(10_000)
    variables = environment.stack_environment({}, here, numbers, private.credentials(here.credentials), 10_000)
    given = airflow.environment(variables, here, numbers)
    connections = {name: json.loads(value) for name, value in given.items() if name.startswith("AIRFLOW_CONN_")}
    assert {fields["host"] for fields in connections.values() if "host" in fields} == {"127.0.0.1"}
    assert connections["AIRFLOW_CONN_ANSWERLOOP_KAFKA"]["extra"]["bootstrap.servers"] == variables["ANSWERLOOP_KAFKA_BOOTSTRAP"]
    for name, setting in {"": "", "_OWNER": "MIGRATION_", "_REPORTS": "REPORTS_"}.items():
        url = urlsplit(variables[f"ANSWERLOOP_{setting}DATABASE_URL"])
        fields = connections[f"AIRFLOW_CONN_ANSWERLOOP_POSTGRES{name}"]
        assert (fields["login"], fields["password"], fields["port"]) == (url.username, url.password, url.port)
    assert connections["AIRFLOW_CONN_ANSWERLOOP_JOB_SUBMITTER"]["port"] == numbers.ops_job_submitter
    assert given["AIRFLOW_HOME"] == str(here.airflow)


def test_settings_are_complete_private_and_on_loopback(here: Places) -> None:
    kept = private.credentials(here.credentials)
    airflow.write_config(here, ports.load(10_000), kept)
    file = here.airflow / "airflow.cfg"
    config = configparser.ConfigParser(interpolation=None)
    config.read(file)
    assert (config["api"]["host"], config["api"]["base_url"]) == ("127.0.0.1", HOME_URL)
    assert config["core"]["execution_api_server_url"] == f"{HOME_URL}/execution/"
    assert config["core"]["load_examples"] == "False"
    assert "${" not in file.read_text()
    assert json.loads((here.airflow / "passwords.json").read_text()) == {"admin": kept.airflow_password}
    assert {stat.S_IMODE(each.stat().st_mode) for each in here.airflow.iterdir()} == {0o600}


def test_credentials_of_an_older_stack_are_kept_and_completed(here: Places) -> None:
    private.write(here.credentials, json.dumps({"redis": "kept"}))
    first = private.credentials(here.credentials)
    assert first.redis == "kept"
    assert len(first.airflow_password) > 20
    assert private.credentials(here.credentials) == first


class Airflow:
    """Airflow's REST API as far as the demo asks it: one DAG whose run ends in `state`."""

    def __init__(self, state: str = "success") -> None:
        self.state = state
        self.login_status = 201
        self.triggered: list[dict[str, Any]] = []

    def answer(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path.removeprefix("/api/v2")
        if path == "/auth/token":
            return httpx.Response(self.login_status, json={"access_token": "t"})
        assert request.headers["Authorization"] == "Bearer t"
        if path == "/dags/load_questions/dagRuns":
            self.triggered.append(json.loads(request.content))
            if self.triggered[-1]["conf"].get("path") == "":
                return httpx.Response(422, json={"detail": "Invalid input for param path: '' is too short"})
            return httpx.Response(200, json={"dag_run_id": "run+1"})
        bodies = {
            "/dags": {"dags": [{"dag_id": "load_questions"}]},
            "/dags/load_questions/dagRuns/run+1": {"state": self.state},
            "/dags/load_questions/dagRuns/run+1/taskInstances": {
                "task_instances": [{"task_id": "load", "map_index": -1, "state": self.state, "try_number": 2, "start_date": "2026"}]
            },
            "/dags/load_questions/dagRuns/run+1/taskInstances/load/logs/2": {
                "content": [
                    {"event": "::group::Pre Execute", "level": "info"},
                    {"event": "x.csv cannot be read", "level": "error"},
                    {
                        "event": "Task failed",
                        "level": "error",
                        "error_detail": [{"exc_type": "AirflowFailException", "exc_value": "x.csv cannot be read"}],
                    },
                ]
            },
            "/dags/load_questions/dagRuns/run+1/taskInstances/load/xcomEntries/return_value": {"value": {"rows": 3}},
        }
        return httpx.Response(200, json=bodies[path])

    def api(self) -> AirflowApi:
        return AirflowApi(HOME_URL, "admin", "secret", httpx.MockTransport(self.answer))


def test_a_dag_is_triggered_with_its_form_and_followed_to_its_result() -> None:
    there = Airflow()
    api = there.api()
    assert demo.follow(api, "load_questions", {"path": "a.csv"}, 5, Console(quiet=True)) == "run+1"
    assert there.triggered == [{"logical_date": None, "conf": {"path": "a.csv"}}]
    assert api.result("load_questions", "run+1", "load") == {"rows": 3}


def test_a_dag_run_that_fails_shows_the_end_of_the_failing_tasks_log() -> None:
    with pytest.raises(UserError) as caught:
        demo.follow(Airflow("failed").api(), "load_questions", {}, 5, Console(quiet=True))
    assert str(caught.value).splitlines() == [
        "load_questions failed in its task 'load'. The end of its log:",
        "    ERROR x.csv cannot be read",
        "    ERROR Task failed AirflowFailException: x.csv cannot be read",
    ]


def test_a_dag_run_that_does_not_end_is_given_up() -> None:
    with pytest.raises(Unreachable, match=r"load_questions \(run\+1\) has not ended within 0 s"):
        demo.follow(Airflow("running").api(), "load_questions", {}, 0, Console(quiet=True))


def test_a_value_that_airflow_refuses_is_quoted() -> None:
    with pytest.raises(UserError, match=r"422: .*param path"):
        Airflow().api().trigger("load_questions", {"path": ""})


def test_a_wrong_login_is_named() -> None:
    there = Airflow()
    there.login_status = 401
    with pytest.raises(ConfigurationError, match="refuses the login of 'admin'"):
        there.api().dags()


def test_an_airflow_that_does_not_listen_is_named() -> None:
    with pytest.raises(Unreachable, match=r"http://127.0.0.1:1 does not answer"):
        AirflowApi("http://127.0.0.1:1", "admin", "secret").dags()
