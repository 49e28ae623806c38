"""The lineage dataset -> run -> report, as Airflow's own pages get it."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from deploy.local.airflow_api import AirflowApi
from tests import airflow, stack

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def ui() -> Iterator[httpx.Client]:
    """What Airflow's pages ask, logged in: they have calls that its public API lacks."""
    with airflow.http() as client:
        yield client


def got(ui: httpx.Client, path: str, **params: Any) -> Any:
    return ui.get(path, params=params).raise_for_status().json()


def assets(ui: httpx.Client) -> dict[str, int]:
    return {each["name"]: each["id"] for each in got(ui, "/api/v2/assets")["assets"]}


def events(ui: httpx.Client, asset: str) -> list[dict[str, Any]]:
    """The newest of the asset's events."""
    return list(got(ui, "/api/v2/assets/events", asset_id=assets(ui)[asset], limit=20, order_by="-timestamp")["asset_events"])


def test_the_graph_of_any_of_the_three_assets_shows_the_whole_way(ui: httpx.Client) -> None:
    airflow.api()
    wanted = {"answerloop_datasets", "answerloop_runs", "answerloop_reports"}
    stack.until(lambda: wanted <= assets(ui).keys(), "Airflow knows the assets", 120)
    for asset in wanted:
        graph = got(ui, "/ui/dependencies", node_id=f"asset:{assets(ui)[asset]}", dependency_type="data")
        label = {node["id"]: node["label"] for node in graph["nodes"]}
        edges = {(label[edge["source_id"]], label[edge["target_id"]]) for edge in graph["edges"]}
        assert {
            ("load_questions.load", "answerloop_datasets"),
            ("answerloop_datasets", "traffic_run.summary"),
            ("traffic_run.summary", "answerloop_runs"),
            ("answerloop_runs", "run_report.report"),
            ("run_report.report", "answerloop_reports"),
        } <= edges, asset


@pytest.mark.timeout(600)
def test_the_events_of_an_experiment_name_its_dataset_its_run_and_its_report(ui: httpx.Client) -> None:
    api: AirflowApi = airflow.api()
    stack.set_faults()
    loaded = api.trigger("load_questions", {"path": "data/sample.csv"})
    airflow.succeeded(api, "load_questions", loaded)
    sent = api.trigger("traffic_run", {"requests": 10, "rate": 10, "timeout_s": 180})
    airflow.succeeded(api, "traffic_run", sent)
    run = api.result("traffic_run", sent, "summary")["run_id"]

    (dataset_event,) = [each for each in events(ui, "answerloop_datasets") if each["source_run_id"] == loaded]
    assert dataset_event["extra"]["dataset"] == "sample"
    (run_event,) = [each for each in events(ui, "answerloop_runs") if each["source_run_id"] == sent]
    assert run_event["extra"] == {"run_id": run, "dataset": "sample"}

    def report_events() -> list[dict[str, Any]]:
        return [each for each in events(ui, "answerloop_reports") if each["extra"].get("subject") == run]

    stack.until(lambda: len(report_events()) >= 1, f"the report of {run} is written", 240)
    (report_event,) = report_events()
    assert report_event["source_dag_id"] == "run_report"
    assert report_event["extra"]["kind"] == "run"
    assert run in report_event["extra"]["path"]
