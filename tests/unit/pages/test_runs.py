"""The list of runs, a run, and the page beside a DAG run, over tables that say what a test wants."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

import msgspec
import pytest
from fastapi.testclient import TestClient

from answerloop_airflow.runs import traffic_run_id
from streaming.reports.stored_html import FILES
from tests.example_report import run_report
from tests.unit.pages.conftest import Tables
from tests.unit.pages.test_comparison import SUMMARY

# A part of the query for one run alone.
ONE = "finished_at, plan, (plan"
EVIL = "<script>alert(1)</script>"
REPORT = msgspec.json.encode(run_report()).decode()
BEGUN = datetime(2026, 11, 23, 22, 0, tzinfo=UTC)


def a_run(run_id: str = "one", state: str = "drained", **fields: Any) -> dict[str, Any]:
    figures = dict.fromkeys(("asked", "answered", "failed", "per_s", "real_p50", "real_p95", "score", "sent_at"))
    times = {"started_at": BEGUN, "finished_at": None if state in ("sending", "draining") else BEGUN + timedelta(minutes=3)}
    named = {"run_id": run_id, "state": state, "dataset": "sample", "model": "m", "simulated": True, "requests": 100}
    return {**figures, **times, **named, "plan": {"rate": 5}, "summary": None, **fields}


REQUESTS = {"asked": 60, "answered": 40, "failed": 5, "refused": 0, "unresolved": 0, "ended_lately": 20, "running_s": 30.0}


@pytest.fixture
def going_on(tables: Tables) -> Tables:
    run = a_run("moving on", "sending")
    tables.answers |= {"state = ANY": [run], "AS ended_lately": [REQUESTS], ONE: [run]}
    return tables


def test_the_list_shows_ended_runs_with_their_figures(client: TestClient, tables: Tables) -> None:
    tables.answers["state <> ALL"] = [a_run(asked=100, answered=97, failed=3, score=0.8123, real_p95=1240.0)]
    text = client.get("/runs").text
    for shown in ("one", "drained", "simulated", "97", "0.812", "1.24 s", "2026-11-23 22:00:00"):
        assert shown in text


def test_whatever_a_run_is_called_is_text(client: TestClient, tables: Tables) -> None:
    tables.answers["state <> ALL"] = [a_run(EVIL, model=EVIL, dataset=EVIL)]
    tables.answers[ONE] = tables.answers["state <> ALL"]
    for reply in (client.get("/runs"), client.get("/run", params={"id": EVIL})):
        assert reply.status_code == 200
        assert "<script>alert" not in reply.text
        assert "&lt;script&gt;" in reply.text


def test_a_run_that_goes_on_says_how_far_it_is_and_looks_again(client: TestClient, going_on: Tables) -> None:
    text = client.get("/runs/running").text
    assert "<b>60</b> of 100 asked" in text
    assert "<b>15</b> pending" in text
    assert 'hx-trigger="load delay:2.0s"' in text
    assert "shown=moving%20on&amp;" in text


def test_a_run_that_has_ended_brings_the_whole_list_anew(client: TestClient, tables: Tables) -> None:
    tables.answers["state <> ALL"] = [a_run("moving on")]
    reply = client.get("/runs/running?shown=moving%20on&")
    assert reply.headers["HX-Retarget"] == "#runs"
    assert 'id="runs"' in reply.text
    assert "HX-Retarget" not in client.get("/runs/running").headers


def test_more_runs_than_a_page_holds_lead_to_the_next(client: TestClient, tables: Tables) -> None:
    tables.answers["state <> ALL"] = [a_run(f"run {number}", started_at=BEGUN - timedelta(minutes=number)) for number in range(51)]
    text = client.get("/runs").text
    assert "run 49" in text
    assert "run 50" not in text
    assert f"before={quote((BEGUN - timedelta(minutes=49)).isoformat(), safe='')}" in text


def test_the_page_of_a_running_run_moves(client: TestClient, going_on: Tables) -> None:
    going_on.answers |= {"AS stage": [{"stage": "asked again after overload", "count": 7}]}
    text = client.get("/run", params={"id": "moving on"}).text
    assert "asked again after overload" in text
    assert "/run/live?id=moving%20on" in text
    assert "20" not in client.get("/run/live", params={"id": "moving on"}).headers.get("HX-Refresh", "")


def test_the_page_is_loaded_anew_when_its_run_has_ended(client: TestClient, tables: Tables) -> None:
    tables.answers |= {ONE: [a_run()], "AS ended_lately": [REQUESTS]}
    assert client.get("/run/live", params={"id": "one"}).headers["HX-Refresh"] == "true"


def test_a_run_without_a_report_says_how_to_make_one(client: TestClient, tables: Tables) -> None:
    tables.answers[ONE] = [a_run(summary=SUMMARY)]
    text = client.get("/run", params={"id": "one"}).text
    assert "There is no report of this run yet" in text
    assert "run_report" in text
    assert "Final score, mean" in text


def test_a_report_is_shown_as_soon_as_it_is_there(client: TestClient, tables: Tables) -> None:
    assert "HX-Refresh" not in client.get("/run/report", params={"id": "one"}).headers
    tables.answers |= {ONE: [a_run(summary=SUMMARY)], "SELECT body": [], "FROM metric_reports": [{"report": REPORT}]}
    assert client.get("/run/report", params={"id": "one"}).headers["HX-Refresh"] == "true"
    text = client.get("/run", params={"id": "one"}).text
    assert "Run report" in text
    assert "plotly.min.js" in text


def test_a_report_is_shown_as_it_was_drawn_when_it_was_made(client: TestClient, tables: Tables) -> None:
    kept = f'<article class="report"><a href="{FILES}metrics.csv">as it was</a></article>'
    tables.answers |= {ONE: [a_run("o/n e")], "AND drawn_with = %(drawn_with)s": [{"body": kept}]}
    text = client.get("/run", params={"id": "o/n e"}).text
    assert '<a href="/here/answerloop/files/run/o/n%20e/metrics.csv">as it was</a>' in text


def test_the_files_of_a_report_are_made_of_what_is_stored(client: TestClient, tables: Tables) -> None:
    assert client.get("/files/run/one/figures.json").status_code == 404
    tables.answers["FROM metric_reports"] = [{"report": REPORT}]
    assert json.loads(client.get("/files/run/one/figures.json").content)["figures"]["scope"]["kind"] == "run"
    assert client.get("/files/run/a/b/metrics.csv").headers["content-type"].startswith("text/csv")
    assert client.get("/files/run/one/passwd").status_code == 404
    assert client.get("/files/moon/one/figures.json").status_code == 422


def test_a_run_that_does_not_exist_says_so(client: TestClient) -> None:
    for path in ("/run", "/run/live"):
        reply = client.get(path, params={"id": "nobody"})
        assert reply.status_code == 404
        assert "There is no run" in reply.text


def test_two_runs_are_compared_and_one_without_a_summary_says_so(client: TestClient, tables: Tables) -> None:
    tables.answers[ONE] = [a_run(summary=SUMMARY)]
    text = client.get("/compare", params={"left": "one", "right": "one"}).text
    assert "This is one run beside itself" in text
    tables.answers[ONE] = [a_run()]
    reply = client.get("/compare", params={"left": "one", "right": "one"})
    assert reply.status_code == 404
    assert "has no summary to compare" in reply.text


def test_a_dag_run_leads_to_its_traffic_run(client: TestClient, tables: Tables) -> None:
    of_airflow = "manual__2026-11-23T22:38:50+00:00"
    known = {"dag_id": "traffic_run", "run_id": of_airflow}
    assert "has not begun to send yet" in client.get("/dag-run", params=known).text
    tables.answers[ONE] = [a_run(traffic_run_id(of_airflow))]
    there = f"/here/answerloop/run?id={traffic_run_id(of_airflow)}"
    assert client.get("/dag-run", params=known, follow_redirects=False).headers["location"] == there
    assert client.get("/dag-run", params=known, headers={"HX-Request": "true"}).headers["HX-Redirect"] == there


@pytest.mark.parametrize(("after_report", "said"), [(True, True), (False, False)])
def test_a_run_says_what_became_of_its_failures_and_whether_its_report_knows(
    client: TestClient, tables: Tables, after_report: bool, said: bool
) -> None:
    replayed = {"questions": 7, "recovered": 5, "failed": 1, "pending": 1, "after_report": after_report}
    tables.answers |= {"AS after_report": [replayed], ONE: [a_run()]}
    text = client.get("/run", params={"id": "one"}).text
    assert "7 of its failures were asked again: 5 recovered, 1 failed again, 1 pending." in text
    assert ("The report is older than that" in text) is said
    assert ('data-starts="/here/api/v2/dags/run_report/dagRuns"' in text) is said


def test_nothing_is_said_of_failures_that_nobody_asked_again(client: TestClient, tables: Tables) -> None:
    tables.answers[ONE] = [a_run()]
    assert "asked again" not in client.get("/run", params={"id": "one"}).text


def test_runs_of_other_dags_are_told_that_they_send_no_traffic(client: TestClient) -> None:
    reply = client.get("/dag-run", params={"dag_id": EVIL, "run_id": "x"})
    assert reply.status_code == 200
    assert "send no traffic" in reply.text
    assert "<script>alert" not in reply.text
