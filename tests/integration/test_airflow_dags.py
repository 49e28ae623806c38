"""The DAGs in the stack's Airflow, over its REST API, as a user starts them."""

import os
import subprocess
import sys
from pathlib import Path
from uuid import uuid4

import httpx
import pytest

from deploy.local.airflow_api import AirflowApi
from streaming.errors import UserError
from tests import airflow, stack

pytestmark = pytest.mark.integration

SMALL = {"requests": 30, "rate": 20, "timeout_s": 180}


@pytest.fixture(scope="module")
def api() -> AirflowApi:
    logged_in = airflow.api()
    provisioned = logged_in.trigger("provision", {})
    loaded = logged_in.trigger("load_questions", {"path": "data/sample.csv"})
    airflow.succeeded(logged_in, "provision", provisioned)
    airflow.succeeded(logged_in, "load_questions", loaded)
    return logged_in


@pytest.fixture(autouse=True)
def clean_model() -> None:
    stack.set_faults()


def traffic_run_of(api: AirflowApi, dag_run_id: str) -> str:
    return str(api.result("traffic_run", dag_run_id, "summary")["run_id"])


def test_no_dag_file_has_an_import_error() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "airflow", "dags", "list-import-errors", "-o", "json"], cwd=stack.ROOT, text=True, capture_output=True
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip().splitlines()[-1] in ("[]", "No data found")


def test_the_score_job_runs_once_provisioned(api: AirflowApi) -> None:
    jobs = httpx.get(f"{os.environ['ANSWERLOOP_FLINK_URL']}/jobs/overview").json()["jobs"]
    assert [job["state"] for job in jobs if job["name"] == "flink_score_job" and job["state"] != "CANCELED"].count("RUNNING") == 1


def test_provisioning_again_creates_nothing_and_sees_no_drift(api: AirflowApi) -> None:
    again = api.trigger("provision", {})
    airflow.succeeded(api, "provision", again)
    done = api.result("provision", again, "topics_and_tables")
    assert (done["topics_created"], done["migrations_applied"], done["repaired"], done["drift"]) == ([], [], [], [])
    assert done["partitions"]["questions-pending"] == 6


def test_the_summary_in_airflow_is_what_a_recount_by_sql_gives(api: AirflowApi) -> None:
    stack.set_faults(overload_503=0.1)
    dag_run = api.trigger("traffic_run", {**SMALL, "generators": 2})
    airflow.succeeded(api, "traffic_run", dag_run)
    summary = api.result("traffic_run", dag_run, "summary")
    run_id = summary["run_id"]

    assert (summary["state"], summary["requests"]["total"]) == ("drained", 30)
    finals = dict(stack.sql("SELECT final_status, count(*) FROM traffic_requests WHERE run_id = %s GROUP BY 1", run_id))
    assert summary["requests"]["final"] == finals
    assert sum(finals.values()) == 30
    assert summary["attempts"]["total"] == stack.sql("SELECT count(*) FROM attempts WHERE run_id = %s", run_id)[0][0]
    answered, mean_first, mean_final = stack.sql(
        "SELECT count(*), avg(first_score), avg(bert_score) FROM answers JOIN questions USING (question_id) WHERE run_id = %s", run_id
    )[0]
    assert summary["scores"]["answered"] == answered
    assert (summary["scores"]["mean_first"], summary["scores"]["mean_final"]) == pytest.approx((mean_first, mean_final))
    assert stack.sql("SELECT state, summary FROM traffic_runs WHERE run_id = %s", run_id) == [("drained", summary)]
    stack.assert_complete(run_id)


def test_two_runs_at_once_keep_their_figures_apart(api: AirflowApi) -> None:
    dag_runs = [api.trigger("traffic_run", {**SMALL, "requests": requests, "seed": requests}) for requests in (20, 25)]
    for dag_run, requests in zip(dag_runs, (20, 25), strict=True):
        airflow.succeeded(api, "traffic_run", dag_run)
        summary = api.result("traffic_run", dag_run, "summary")
        assert summary["requests"]["total"] == requests
        asked = stack.sql("SELECT count(DISTINCT question_id) FROM traffic_requests WHERE run_id = %s", summary["run_id"])[0][0]
        assert summary["scores"]["answered"] + sum(summary["failures"].values()) == asked
        assert summary["requests"]["reused"] == 0


def test_a_run_marked_as_failed_stops_its_traffic(api: AirflowApi) -> None:
    answer_set = f"marked-{uuid4()}"
    dag_run = api.trigger("traffic_run", {"requests": 3000, "rate": 5, "timeout_s": 600, "answer_set": answer_set})

    def sent() -> int:
        count = "SELECT count(*) FROM traffic_requests JOIN traffic_runs USING (run_id) WHERE answer_set = %s"
        return int(stack.sql(count, answer_set)[0][0])

    stack.until(lambda: sent() > 0, "the first request is sent", 120)
    api.set_state("traffic_run", dag_run, "failed")
    stack.until(lambda: recorded_state(answer_set) == "cancelled", "the run is cancelled", 60)
    left = sent()
    stack.until(lambda: airflow.state_of(api, "traffic_run", dag_run, "send") == {"failed"}, "the task ends", 60)
    assert sent() == left < 3000


def recorded_state(answer_set: str) -> str:
    return str(stack.sql("SELECT state FROM traffic_runs WHERE answer_set = %s", answer_set)[0][0])


def waits(api: AirflowApi, dag_run: str) -> bool:
    """Whether the run's trigger has begun to look."""
    waiting = [task for task in api.tasks("traffic_run", dag_run) if (task["task_id"], task["state"]) == ("drain", "deferred")]
    return any("s left; pending questions" in line for task in waiting for line in api.log("traffic_run", dag_run, task))


def test_a_wait_marked_as_failed_cancels_the_run(api: AirflowApi) -> None:
    answer_set = f"marked-{uuid4()}"
    stack.stop("storage-persister")
    try:
        dag_run = api.trigger("traffic_run", {"requests": 5, "rate": 20, "timeout_s": 20, "answer_set": answer_set})
        stack.until(lambda: waits(api, dag_run), "the triggerer waits for the run", 120)
        api.set_state("traffic_run", dag_run, "failed")
        stack.until(lambda: recorded_state(answer_set) == "cancelled", "the run is cancelled", 60)
    finally:
        stack.start("storage-persister")


def test_a_run_that_does_not_drain_says_what_is_still_where_and_waits_again_when_cleared(api: AirflowApi) -> None:
    stack.stop("storage-persister")
    try:
        dag_run = api.trigger("traffic_run", {"requests": 4, "rate": 20, "timeout_s": 10})
        assert airflow.ended(api, "traffic_run", dag_run) == "failed"
    finally:
        stack.start("storage-persister")
    ((task, log),) = airflow.failures(api, "traffic_run", dag_run)
    assert task["task_id"] == "drain"
    assert any("has not drained within 10 s: pending questions: " in line and "by storage_persister" in line for line in log), log

    api.clear("traffic_run", dag_run, only_failed=True)
    stack.until(lambda: api.dag_run("traffic_run", dag_run)["state"] == "success", "the rerun succeeds", 180)
    assert stack.sql("SELECT state FROM traffic_runs WHERE run_id = %s", traffic_run_of(api, dag_run)) == [("drained",)]


def failing_sentence(api: AirflowApi, dag_id: str, conf: dict[str, object]) -> str:
    dag_run = api.trigger(dag_id, conf)
    assert airflow.ended(api, dag_id, dag_run) == "failed"
    ((_, log),) = airflow.failures(api, dag_id, dag_run)
    return next(line for line in log if line.startswith("ERROR"))


def test_a_file_that_is_not_there_fails_with_its_path_and_what_to_do(api: AirflowApi) -> None:
    sentence = failing_sentence(api, "load_questions", {"path": "data/nowhere.csv"})
    assert "data/nowhere.csv cannot be read: No such file or directory. Give the path of a CSV file in the Yahoo format." in sentence


def test_an_empty_file_fails_and_the_right_one_then_loads(api: AirflowApi, tmp_path: Path) -> None:
    file = tmp_path / f"set-{uuid4()}.csv"
    file.touch()
    assert "is empty" in failing_sentence(api, "load_questions", {"path": str(file)})
    file.write_text('"1","Why is the sky blue?","","Air scatters blue light most."\n')
    again = api.trigger("load_questions", {"path": str(file)})
    airflow.succeeded(api, "load_questions", again)
    assert api.result("load_questions", again, "load")["questions"] == 1


def test_a_model_that_is_not_there_fails_with_those_there_are(api: AirflowApi) -> None:
    sentence = failing_sentence(api, "traffic_run", {**SMALL, "model": "no-such-model"})
    assert "has no model 'no-such-model'; it has " in sentence
    assert "`ollama pull`" in sentence


def test_a_dataset_that_is_not_loaded_fails_with_those_that_are(api: AirflowApi) -> None:
    assert "'unheard-of' is not loaded; loaded are: " in failing_sentence(api, "traffic_run", {**SMALL, "dataset": "unheard-of"})


def test_fields_that_do_not_fit_together_fail_with_the_reason(api: AirflowApi) -> None:
    assert "a ramp needs it" in failing_sentence(api, "traffic_run", {**SMALL, "arrivals": "ramp"})


@pytest.mark.parametrize(("field", "value"), [("requests", 0), ("rate", -1), ("arrivals", "sometimes"), ("generators", 99), ("seed", "x")])
def test_a_value_out_of_range_is_refused_before_anything_runs(api: AirflowApi, field: str, value: object) -> None:
    with pytest.raises(UserError, match=field):
        api.trigger("traffic_run", {field: value})


def test_a_stopped_service_fails_the_run_with_its_name_and_a_rerun_works(api: AirflowApi) -> None:
    stack.stop("storage-api")
    try:
        sentence = failing_sentence(api, "traffic_run", SMALL)
    finally:
        stack.start("storage-api")
    assert "The API at http://127.0.0.1" in sentence
    assert "Is the stack up" in sentence
    again = api.trigger("traffic_run", SMALL)
    airflow.succeeded(api, "traffic_run", again)
