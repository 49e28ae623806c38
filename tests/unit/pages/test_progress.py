"""How a running run gets on."""

import pytest

from answerloop_airflow.pages.progress import LOOK_EVERY_S, Progress, Waiting, look_again_s
from streaming.topics import FLINK_SCORE_JOB, LLM_CONSUMER, RETRY_OVERLOAD, RETRY_QUOTA, STORAGE_PERSISTER


def progress(**fields: float) -> Progress:
    values = {"planned": 100, "asked": 0, "answered": 0, "failed": 0, "refused": 0, "unresolved": 0, "ended_lately": 0, "running_s": 0.0}
    return Progress(**(values | fields))  # type: ignore[arg-type]


def test_before_anything_was_sent_there_is_no_rate_and_no_end_in_sight() -> None:
    empty = progress()
    assert (empty.pending, empty.per_s, empty.left_s) == (0, None, None)


def test_the_time_left_follows_from_what_ended_lately() -> None:
    half = progress(asked=60, answered=40, failed=10, ended_lately=20, running_s=30.0)
    assert half.pending == 10
    assert half.per_s == pytest.approx(2.0)
    assert half.left_s == pytest.approx(25.0)


def test_a_run_younger_than_the_window_is_measured_over_its_own_time() -> None:
    assert progress(asked=9, answered=8, ended_lately=8, running_s=4.0).per_s == pytest.approx(2.0)


def test_while_nothing_ends_no_time_is_promised() -> None:
    assert progress(asked=60, answered=40, running_s=30.0).left_s is None


def test_shares_are_of_the_plan() -> None:
    shares = progress(asked=60, answered=40, failed=5, refused=5).shares
    assert shares == {"answered": 0.4, "failed": 0.1, "pending": 0.1}


def test_looking_costs_a_small_share_of_a_core_however_long_it_takes() -> None:
    assert look_again_s(0.01) == LOOK_EVERY_S
    assert 0.6 / look_again_s(0.6) <= 0.05


def test_what_waits_in_the_loop_is_told_by_stage() -> None:
    lag = {LLM_CONSUMER: 30, FLINK_SCORE_JOB: 4, RETRY_OVERLOAD: 2, RETRY_QUOTA: 1, STORAGE_PERSISTER: 5}
    assert dict(Waiting(age_s=3.0, lag=lag, at_the_model=8).stages) == {
        "in the queue": 22,
        "at the model": 8,
        "being scored": 4,
        "waiting to be asked again": 3,
        "being stored": 5,
    }


def test_calls_that_are_not_sampled_are_not_guessed() -> None:
    stages = Waiting(age_s=3.0, lag={LLM_CONSUMER: 30}, at_the_model=None).stages
    assert stages["in the queue or at the model"] == 30
    assert "at the model" not in stages
