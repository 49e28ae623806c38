"""calibrate_threshold in the stack's Airflow, as a user starts it."""

import json
import shutil
from contextlib import closing
from pathlib import Path
from uuid import uuid4

import psycopg2
import pytest

from deploy.local.airflow_api import AirflowApi
from streaming import settings
from streaming.errors import UserError
from tests import airflow, stack

pytestmark = pytest.mark.integration

DAG = "calibrate_threshold"


@pytest.fixture(scope="module")
def api() -> AirflowApi:
    logged_in = airflow.api()
    stack.until(lambda: DAG in logged_in.dags(), "Airflow knows the DAG", 120)
    stack.load_sample()
    return logged_in


def test_a_calibration_is_stored_and_written_and_the_log_tells_its_progress(api: AirflowApi) -> None:
    dag_run = api.trigger(DAG, {"dataset": "sample", "pairs": 30})
    airflow.succeeded(api, DAG, dag_run, 300)
    result = api.result(DAG, dag_run, "calibrate")
    ((report,),) = stack.sql("SELECT report FROM metric_reports WHERE kind = 'calibration' AND subject = %s", result["subject"])
    assert (report["dataset"], report["questions"], report["recommended"]) == ("sample", 30, result["recommended"])
    page = Path(result["report"])
    assert "30" in page.read_text()
    assert json.loads((page.parent / "calibration.json").read_text())["in_use"] == report["in_use"]
    (task,) = api.tasks(DAG, dag_run)
    log = api.log(DAG, dag_run, task)
    assert any("scored 0 of " in line for line in log)
    assert any("(100 %)" in line for line in log)
    assert any("of unrelated answers with this scorer" in line for line in log)


def test_a_dataset_that_is_not_loaded_is_one_sentence_without_a_stack_trace_and_then_it_works(api: AirflowApi) -> None:
    name = f"unheard-of-{uuid4()}"
    dag_run = api.trigger(DAG, {"dataset": name, "pairs": 20})
    assert airflow.ended(api, DAG, dag_run) == "failed"
    ((task, log),) = airflow.failures(api, DAG, dag_run)
    assert task["try_number"] == 1
    sentence = next(line for line in log if line.startswith("ERROR"))
    assert sentence.startswith(f"ERROR The dataset {name!r} is not loaded; loaded are: ")
    assert not [line for line in log if "Traceback" in line or 'File "' in line]

    try:
        execute(
            "INSERT INTO dataset_questions (dataset, text_hash, question_text, original_answer, topic, line_number)"
            " SELECT %s, text_hash, question_text, original_answer, topic, line_number FROM dataset_questions WHERE dataset = 'sample'",
            name,
        )
        api.clear(DAG, dag_run, only_failed=True)
        stack.until(lambda: api.dag_run(DAG, dag_run)["state"] == "success", "the rerun succeeds", 300)
        shutil.rmtree(Path(api.result(DAG, dag_run, "calibrate")["report"]).parent)
    finally:
        # Reports quote the newest calibration: not this one.
        execute("DELETE FROM metric_reports WHERE kind = 'calibration' AND report->>'dataset' = %s", name)
        execute("DELETE FROM dataset_questions WHERE dataset = %s", name)


def execute(statement: str, *parameters: object) -> None:
    with closing(psycopg2.connect(settings.load().owner_url)) as database, database, database.cursor() as cursor:
        cursor.execute(statement, parameters)


@pytest.mark.parametrize(("field", "value"), [("pairs", 19), ("pairs", 5001), ("pairs", "all"), ("seed", -1), ("dataset", "")])
def test_a_value_out_of_range_is_refused_before_anything_runs(api: AirflowApi, field: str, value: object) -> None:
    with pytest.raises(UserError, match=field):
        api.trigger(DAG, {field: value})
