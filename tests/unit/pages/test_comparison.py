"""Two runs side by side."""

from typing import Any

import msgspec
import pytest

from answerloop_airflow.pages import comparison
from answerloop_airflow.pages.comparison import LESS, MORE, Compared, Figure
from streaming.figures.run_summary import RunSummary
from streaming.reports import digits

NOTHING = dict.fromkeys(("p50", "p90", "p95", "p99", "max"))
SUMMARY: dict[str, Any] = {
    "run_id": "a",
    "state": "drained",
    "dataset": "sample",
    "model": "m",
    "simulated": True,
    "requests": {
        "total": 100,
        "first": {"found": 10, "pending": 90},
        "final": {"answered": 90, "failed": 10},
        "from_cache": 5,
        "from_database": 5,
        "reused": 0,
        "perceived": {**NOTHING, "p50": 10.0},
        "real": {**NOTHING, "p50": 200.0, "p95": 800.0},
        "duration_s": 10.0,
        "sent_per_s": 10.0,
        "ended_per_s": 9.5,
    },
    "scores": {
        "answered": 90,
        "scored": 90,
        "unscored": 0,
        "best_attempts": 3,
        "mean_first": 0.7,
        "mean_final": 0.8,
        "regenerated": 20,
        "regeneration_rate": 0.2,
        "helped": 15,
        "mean_improvement": 0.1,
    },
    "attempts": {"total": 130, "extra": 30, "models": {"m": 130}, "retries": {}},
    "failures": {},
    "stages": dict.fromkeys(("queue_ms", "model_ms", "scoring_ms", "waiting_ms", "store_ms")),
    "replays": {"submitted": 0, "answered": 0, "failed": 0},
}


def summary(**requests: Any) -> RunSummary:
    return msgspec.convert({**SUMMARY, "requests": {**SUMMARY["requests"], **requests}}, RunSummary)


def one(name: str, left: RunSummary, right: RunSummary) -> Compared:
    (found,) = [row for rows in comparison.figures(left, right).values() for row in rows if row.name == name]
    return found


def test_a_run_beside_itself_is_the_same_all_over() -> None:
    rows = [row for part in comparison.figures(summary(), summary()).values() for row in part]
    assert len(rows) > 15
    assert {row.verdict for row in rows} == {"same"}


def test_less_latency_is_better_and_more_is_worse() -> None:
    slow = summary(real={**NOTHING, "p50": 300.0, "p95": 800.0})
    assert one("to the answer, p50", summary(), slow) == Compared("to the answer, p50", "200 ms", "300 ms", "+50.0 %", "worse")
    assert one("to the answer, p50", slow, summary()).verdict == "better"
    assert one("to the answer, p95", summary(), slow).verdict == "same"


def test_shares_change_in_points() -> None:
    worse = summary(final={"answered": 80, "failed": 20})
    assert one("failed, share", summary(), worse) == Compared("failed, share", "10.0 %", "20.0 %", "+10.0 points", "worse")
    assert one("answered, share", summary(), worse).verdict == "worse"


def test_a_difference_without_merit_only_differs() -> None:
    assert one("requests", summary(), summary(total=200)).verdict == "differs"


def test_a_figure_that_one_run_lacks_differs_without_a_change() -> None:
    row = one("ended a second", summary(), summary(ended_per_s=None))
    assert (row.right, row.change, row.verdict) == ("–", "–", "differs")


def test_from_zero_a_change_is_no_percentage() -> None:
    from_zero = one("failed, share", summary(final={"answered": 100}), summary())
    assert from_zero.change == "+10.0 points"
    extra = Figure("extra", lambda run: run.requests.total, digits.count, LESS)
    assert comparison.compared(extra, summary(total=0), summary(total=7)).change == "+7"


@pytest.mark.parametrize(("better", "verdict"), [(MORE, "better"), (LESS, "worse")])
def test_what_is_better_is_the_figures_to_say(better: int, verdict: str) -> None:
    figure = Figure("total", lambda run: run.requests.total, digits.count, better)
    assert comparison.compared(figure, summary(), summary(total=101)).verdict == verdict


def test_settings_that_neither_plan_gives_are_left_out() -> None:
    rows = comparison.settings({"rate": 5, "users": None, "model": None}, {"rate": 6, "users": None, "model": "m"})
    assert [(row.name, row.left, row.right, row.differs) for row in rows] == [("rate", "5", "6", True), ("model", "–", "m", True)]
