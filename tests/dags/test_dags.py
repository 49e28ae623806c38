"""The DAG files: they import, quickly; their structure, their forms, what they tell their users."""

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pendulum
import pytest
from airflow.dag_processing.dagbag import DagBag
from airflow.sdk import DAG, AssetAll
from airflow.sdk.definitions.mappedoperator import MappedOperator
from airflow.sdk.exceptions import ParamValidationError

from answerloop_airflow.assets import RUNS
from streaming.replays.plan import ReplayPlan
from streaming.traffic.plan import TrafficPlan

ROOT = Path(__file__).parents[2]
FILES = sorted((ROOT / "dags").glob("*.py"))
EXPECTED = {
    "calibrate_threshold": {"calibrate": set()},
    "provision": {"topics_and_tables": {"score_job"}, "score_job": set()},
    "load_questions": {"load": set()},
    "nightly_metrics_report": {"report": set()},
    "run_report": {"runs": {"report"}, "report": set()},
    "traffic_run": {"prepare": {"send"}, "send": {"drain"}, "drain": {"summary"}, "summary": {"report"}, "report": set()},
    "replay_failed_questions": {
        "choose": {"decide", "send", "outcome"},
        "decide": {"approve", "send", "outcome"},
        "approve": {"send"},
        "send": {"wait"},
        "wait": {"outcome"},
        "outcome": set(),
    },
    "reconcile_pending": {"requeue_stuck": set(), "unreported": {"report"}, "report": set()},
}
# What a DAG file must not load: none of it is needed to see the DAG's structure, and each costs time in every parse.
HEAVY = (
    "bert_score",
    "confluent_kafka",
    "fastapi",
    "numpy",
    "pandas",
    "plotly",
    "psycopg2",
    "pyflink",
    "rich.table",
    "torch",
    "transformers",
    "yoyo",
)


@pytest.fixture(scope="session")
def bag() -> DagBag:
    return DagBag(dag_folder=str(ROOT / "dags"))


def form(bag: DagBag, dag_id: str) -> Mapping[str, Any]:
    dag: DAG = bag.dags[dag_id]
    return {name: dag.params.get_param(name) for name in dag.params}


def test_every_file_is_imported_without_an_error(bag: DagBag) -> None:
    assert bag.import_errors == {}
    assert EXPECTED.keys() <= bag.dags.keys()


@pytest.mark.parametrize("dag_id", EXPECTED)
def test_tasks_follow_each_other_as_designed(bag: DagBag, dag_id: str) -> None:
    assert {task.task_id: task.downstream_task_ids for task in bag.dags[dag_id].tasks} == EXPECTED[dag_id]


def test_every_dag_says_what_it_is_for_and_whose_it_is(bag: DagBag) -> None:
    for dag in bag.dags.values():
        assert dag.doc_md, dag.dag_id
        assert dag.description, dag.dag_id
        assert "answerloop" in dag.tags
        assert {task.owner for task in dag.tasks} == {"answerloop"}


def test_tasks_are_mapped_over_generators_and_runs_and_never_over_questions(bag: DagBag) -> None:
    mapped = [task.task_id for dag in bag.dags.values() for task in dag.tasks if isinstance(task, MappedOperator)]
    assert sorted(mapped) == ["report", "send"]
    assert form(bag, "traffic_run")["generators"].schema["maximum"] <= 8


def test_a_run_is_reported_when_it_has_ended_and_a_day_when_it_is_over(bag: DagBag) -> None:
    assert bag.dags["run_report"].timetable.asset_condition == AssetAll(RUNS)
    nightly = bag.dags["nightly_metrics_report"]
    night = nightly.timetable.infer_manual_data_interval(run_after=pendulum.datetime(2026, 3, 2, 0, 0, 1))
    assert (night.start, night.end) == (pendulum.datetime(2026, 3, 1), pendulum.datetime(2026, 3, 2))
    assert not nightly.catchup


@pytest.mark.parametrize("dag_id", ["traffic_run", "reconcile_pending"])
def test_a_report_hangs_on_no_event_alone(bag: DagBag, dag_id: str) -> None:
    started = bag.dags[dag_id].get_task("report")
    assert (started.trigger_dag_id, started.trigger_run_id) == ("run_report", "report__{{ run_id }}")
    assert started.reset_dag_run, "cleared, it reports again"


def test_runs_that_end_at_once_are_reported_one_after_the_other(bag: DagBag) -> None:
    assert bag.dags["run_report"].max_active_runs == 1


@pytest.mark.parametrize("bad", ["yesterday", "2026-02-30", 7])
def test_the_form_of_a_day_refuses_what_is_no_day(bag: DagBag, bad: object) -> None:
    with pytest.raises(ParamValidationError):
        form(bag, "nightly_metrics_report")["day"].resolve(bad)


def test_every_field_of_a_form_has_a_title_and_help(bag: DagBag) -> None:
    for dag_id in EXPECTED:
        for name, field in form(bag, dag_id).items():
            assert field.schema["title"], name
            assert len(field.description) > 20, name


def test_a_form_sent_as_it_is_makes_a_plan(bag: DagBag) -> None:
    values = {name: field.resolve() for name, field in form(bag, "traffic_run").items()}
    timeout_s, generators = values.pop("timeout_s"), values.pop("generators")
    assert TrafficPlan.model_validate(values) == TrafficPlan(dataset="sample")
    assert (timeout_s, generators) == (300, 1)


@pytest.mark.parametrize(
    ("name", "bad"),
    [
        ("requests", 0),
        ("requests", 1_000_001),
        ("requests", "many"),
        ("rate", 0),
        ("arrivals", "sometimes"),
        ("popularity", "fame"),
        ("seed", -1),
        ("users", 501),
        ("zipf_exponent", 0),
        ("dataset", ""),
        ("model", "two\nlines"),
        ("answer_set", "x" * 201),
        ("timeout_s", 9),
        ("generators", 0),
        ("generators", 99),
    ],
)
def test_the_form_refuses_what_is_out_of_range(bag: DagBag, name: str, bad: object) -> None:
    with pytest.raises(ParamValidationError):
        form(bag, "traffic_run")[name].resolve(bad)


@pytest.mark.parametrize(
    ("name", "bad"),
    [("dataset", ""), ("dataset", "x" * 201), ("pairs", 19), ("pairs", 5001), ("pairs", "all"), ("seed", -1), ("seed", 0.5)],
)
def test_the_form_of_a_calibration_refuses_what_is_out_of_range(bag: DagBag, name: str, bad: object) -> None:
    with pytest.raises(ParamValidationError):
        form(bag, "calibrate_threshold")[name].resolve(bad)


def test_the_form_of_a_replay_sent_as_it_is_makes_a_plan(bag: DagBag) -> None:
    values = {name: field.resolve() for name, field in form(bag, "replay_failed_questions").items()}
    assert ReplayPlan.model_validate(values) == ReplayPlan()


@pytest.mark.parametrize(
    ("name", "bad"),
    [
        ("limit", 0),
        ("limit", 10_001),
        ("approve_above", -1),
        ("approve_above", 10_001),
        ("timeout_s", 9),
        ("cause", ""),
        ("run_id", "x" * 201),
        ("error_text", "two\nlines"),
        ("dry_run", "maybe"),
    ],
)
def test_the_form_of_a_replay_refuses_what_is_out_of_range(bag: DagBag, name: str, bad: object) -> None:
    with pytest.raises(ParamValidationError):
        form(bag, "replay_failed_questions")[name].resolve(bad)


def test_lost_questions_are_looked_for_every_quarter_of_an_hour_and_never_for_the_past(bag: DagBag) -> None:
    dag = bag.dags["reconcile_pending"]
    assert (dag.schedule, dag.catchup, dag.max_active_runs) == ("*/15 * * * *", False, 1)


PARSE = """
import sys, time
import airflow.sdk, airflow.triggers.base, pydantic_settings, httpx, airflow.providers.apache.kafka.hooks.base
before = set(sys.modules)
started = time.process_time()
import runpy
runpy.run_path(sys.argv[1])
print(time.process_time() - started)
print(*(set(sys.modules) - before))
"""


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_file_parses_in_under_a_second_and_loads_nothing_heavy(file: Path) -> None:
    path = f"{ROOT}:{ROOT / 'plugins'}"
    done = subprocess.run(
        [sys.executable, "-c", PARSE, str(file)],
        env={"PYTHONPATH": path, "AIRFLOW_HOME": os.environ["AIRFLOW_HOME"]},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    seconds, modules = done.stdout.strip().split("\n")[-2:]
    assert float(seconds) < 1
    assert {name for name in modules.split() if name.startswith(HEAVY)} == set()


def test_nothing_uses_what_airflow_3_has_dropped() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "ruff", "check", "--select", "AIR3", "dags", "plugins"], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout
