"""The traffic run of a DAG run."""

import re

from hypothesis import given
from hypothesis import strategies as st

from answerloop_airflow.runs import traffic_run_id
from streaming import names

# What Airflow itself allows.
DAG_RUN_IDS = st.from_regex(r"\A[A-Za-z0-9_.~:+-]{1,250}\Z")


def test_a_plain_name_stays() -> None:
    assert traffic_run_id("evening-3") == "evening-3"


@given(DAG_RUN_IDS)
def test_the_name_is_safe_in_an_address(dag_run_id: str) -> None:
    assert re.fullmatch(r"[A-Za-z0-9_.~-]+", traffic_run_id(dag_run_id))


@given(DAG_RUN_IDS, DAG_RUN_IDS)
def test_two_dag_runs_never_share_a_traffic_run(one: str, other: str) -> None:
    assert (traffic_run_id(one) == traffic_run_id(other)) == (one == other)


def test_names_that_differ_only_in_what_is_replaced_stay_apart() -> None:
    assert traffic_run_id("manual__2026-11-23T02:10:42+00:00") != traffic_run_id("manual__2026-11-23T02-10-42+00:00")


@given(st.sampled_from("a:"), st.integers(190, 250))
def test_a_long_name_is_one_that_the_api_takes(letter: str, length: int) -> None:
    run_id = traffic_run_id(letter * length + "b")
    assert names.checked(run_id, "a run") == run_id


def test_long_names_that_begin_alike_stay_apart() -> None:
    assert traffic_run_id("a" * 230 + "b") != traffic_run_id("a" * 230 + "c")
