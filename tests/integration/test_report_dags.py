"""The DAGs of reports in the stack's Airflow, as a user and as the schedule starts them."""

import json
import os
import subprocess
import sys
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg2
import pytest

from deploy.local.airflow_api import AirflowApi
from streaming import settings
from tests import airflow, stack

pytestmark = pytest.mark.integration

# Long before the stack: nothing happened then.
EMPTY_DAY = "2025-06-01"


@pytest.fixture(scope="module")
def api() -> AirflowApi:
    logged_in = airflow.api()
    stack.until(lambda: {"run_report", "nightly_metrics_report"} <= logged_in.dags(), "Airflow knows the DAGs", 120)
    return logged_in


@pytest.fixture(scope="module")
def finished_run(api: AirflowApi) -> str:
    """A traffic run that has ended: its run_id."""
    stack.set_faults()
    stack.load_sample()
    dag_run = api.trigger("traffic_run", {"requests": 20, "rate": 20, "timeout_s": 180})
    airflow.succeeded(api, "traffic_run", dag_run)
    return str(api.result("traffic_run", dag_run, "summary")["run_id"])


def stored(kind: str, subject: str) -> list[tuple[Any, ...]]:
    return stack.sql("SELECT report, simulated FROM metric_reports WHERE kind = %s AND subject = %s", kind, subject)


def made(api: AirflowApi, dag_id: str, conf: dict[str, object]) -> dict[str, Any]:
    """What the task of a DAG run that succeeded returned."""
    dag_run = api.trigger(dag_id, conf)
    airflow.succeeded(api, dag_id, dag_run)
    return dict(api.result(dag_id, dag_run, "report", map_index=0 if dag_id == "run_report" else -1))


def sentence(api: AirflowApi, dag_id: str, conf: dict[str, object]) -> str:
    """The only error of a DAG run that failed, after its only try."""
    dag_run = api.trigger(dag_id, conf)
    assert airflow.ended(api, dag_id, dag_run) == "failed"
    ((task, log),) = airflow.failures(api, dag_id, dag_run)
    assert task["try_number"] == 1
    assert not any("Traceback" in line for line in log)
    return next(line for line in log if line.startswith("ERROR"))


def test_a_run_that_has_ended_gets_its_report_by_itself(api: AirflowApi, finished_run: str) -> None:
    stack.until(lambda: bool(stored("run", finished_run)), "the run is reported", 120)
    ((report, simulated),) = stored("run", finished_run)
    figures = report["figures"]
    assert (figures["scope"]["subject"], figures["scope"]["state"], figures["empty"]) == (finished_run, "drained", False)
    assert figures["whole"]["requests"] == 20
    answered, failed = stack.sql(
        "SELECT count(*) FILTER (WHERE status = 'answered'), count(*) FILTER (WHERE status = 'failed') FROM questions WHERE run_id = %s",
        finished_run,
    )[0]
    assert (figures["whole"]["answered"], figures["whole"]["failed"]) == (answered, failed)
    assert simulated == figures["scope"]["simulated"]


def test_a_report_started_by_hand_writes_the_page_and_what_it_shows_as_json_and_csv(api: AirflowApi, finished_run: str) -> None:
    told = made(api, "run_report", {"run_id": finished_run})
    page = Path(told["path"])
    assert page.name == "index.html"
    assert finished_run in page.read_text()
    ((report, _),) = stored("run", finished_run)
    assert json.loads((page.parent / "figures.json").read_text()) == report
    assert list(page.parent.glob("*.csv"))


def test_a_report_is_an_event_of_its_asset(api: AirflowApi, finished_run: str) -> None:
    made(api, "run_report", {"run_id": finished_run})

    def events() -> list[dict[str, Any]]:
        return [each["extra"] for each in api.asset_events("run_report") if each["extra"].get("subject") == finished_run]

    stack.until(lambda: bool(events()), "the event is there", 30)
    assert events()[0]["kind"] == "run"
    assert Path(events()[0]["path"]).is_file()


def test_a_run_that_is_not_known_fails_in_a_sentence(api: AirflowApi) -> None:
    assert "There is no run 'never-was'" in sentence(api, "run_report", {"run_id": "never-was"})


@pytest.mark.timeout(600)
def test_runs_that_end_within_50_ms_all_get_their_report(api: AirflowApi, finished_run: str) -> None:
    for _ in range(int(os.environ.get("REPEATS", "2"))):
        for number in (2, 5):
            runs = ended_together(number)
            for run_id in runs:
                api.update_asset("answerloop_runs", {"run_id": run_id, "dataset": "sample"})
            query = "SELECT count(*) FROM metric_reports WHERE kind = 'run' AND subject = ANY(%s)"
            stack.until(lambda runs=runs, query=query: stack.sql(query, runs)[0][0] == len(runs), f"{number} runs are reported", 90)


def test_a_run_whose_event_was_lost_is_reported_with_the_next(api: AirflowApi, finished_run: str) -> None:
    (lost,) = ended_together(1)
    airflow.succeeded(api, "run_report", api.trigger("run_report", {}))
    assert stored("run", lost)


def test_what_was_missed_is_found_by_the_reconciliation(api: AirflowApi, finished_run: str) -> None:
    (lost,) = ended_together(1)
    api.trigger("reconcile_pending", {})
    stack.until(lambda: bool(stored("run", lost)), "the run is reported", 120)


def ended_together(number: int) -> list[str]:
    """So many traffic runs that ended 10 ms after each other a moment ago: their ids. Nobody is told."""
    runs = [f"ended-{uuid4()}" for _ in range(number)]
    insert = """
    INSERT INTO traffic_runs (run_id, answer_set, dataset, state, plan, simulated, started_at, sent_at, finished_at)
    SELECT %s, answer_set, dataset, 'drained', plan, simulated, now() - interval '2 s', now() - interval '1 s',
        now() - interval '500 ms' + %s * interval '10 ms'
    FROM traffic_runs WHERE state = 'drained' ORDER BY started_at LIMIT 1
    """
    with closing(psycopg2.connect(settings.load().database_url)) as database, database, database.cursor() as cursor:
        for place, run_id in enumerate(runs):
            cursor.execute(insert, (run_id, place))
            assert cursor.rowcount == 1
    return runs


def test_a_day_on_which_nothing_happened_has_a_report_that_says_so(api: AirflowApi) -> None:
    told = made(api, "nightly_metrics_report", {"day": EMPTY_DAY})
    assert (told["empty"], told["partial"], told["requests"]) == (True, False, 0)
    assert "Nothing happened" in Path(told["path"]).read_text()


def test_a_day_run_twice_is_one_row_with_the_same_figures(api: AirflowApi, finished_run: str) -> None:
    made(api, "nightly_metrics_report", {"day": EMPTY_DAY})
    before = stored("day", EMPTY_DAY)
    made(api, "nightly_metrics_report", {"day": EMPTY_DAY})
    assert len(before) == 1
    assert stored("day", EMPTY_DAY) == before


def test_today_is_reported_up_to_now_with_its_runs(api: AirflowApi, finished_run: str) -> None:
    (started,) = stack.sql("SELECT started_at FROM traffic_runs WHERE run_id = %s", finished_run)[0]
    told = made(api, "nightly_metrics_report", {"day": f"{started.astimezone(UTC):%Y-%m-%d}"})
    assert finished_run in told["runs"]
    assert told["partial"] == (started.date() == datetime.now(UTC).date())


def test_without_a_day_yesterday_is_reported(api: AirflowApi) -> None:
    yesterday = datetime.now(UTC) - timedelta(days=1)
    assert made(api, "nightly_metrics_report", {})["subject"] == f"{yesterday:%Y-%m-%d}"


def test_a_day_in_the_future_fails_in_a_sentence(api: AirflowApi) -> None:
    assert "2999-01-01 has not begun" in sentence(api, "nightly_metrics_report", {"day": "2999-01-01"})


def test_a_backfill_reports_each_day_of_a_week(api: AirflowApi) -> None:
    days = [f"2025-05-{day:02d}" for day in range(1, 8)]
    command = ["backfill", "create", "--dag-id", "nightly_metrics_report", "--from-date", days[0], "--to-date", days[-1]]
    done = subprocess.run(
        [sys.executable, "-m", "airflow", *command, "--reprocess-behavior", "completed"], cwd=stack.ROOT, text=True, capture_output=True
    )
    assert done.returncode == 0, done.stderr[-2000:]
    query = "SELECT count(*) FROM metric_reports WHERE kind = 'day' AND subject = ANY(%s) AND created_at > now() - interval '10 minutes'"
    stack.until(lambda: stack.sql(query, days)[0][0] == 7, "seven days are reported", 240)
    assert all(report["figures"]["empty"] for day in days for report, _ in stored("day", day))
