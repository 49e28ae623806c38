"""Which runs are reported: those that have ended without a report of their end."""

from datetime import UTC, datetime, timedelta

import pytest

from answerloop_airflow import reports
from answerloop_airflow.unreported import AT_ONCE, Ended, unreported

END = datetime(2026, 3, 1, 12, tzinfo=UTC)


def ended(run_id: str, after_ms: int = 0, reported_after_s: float | None = None) -> Ended:
    finished = END + timedelta(milliseconds=after_ms)
    return Ended(run_id, finished, None if reported_after_s is None else finished + timedelta(seconds=reported_after_s))


@pytest.mark.parametrize("number", [2, 5])
def test_all_runs_that_ended_together_are_reported_whichever_was_told(number: int) -> None:
    runs = [ended(f"r{place}", after_ms=place * 10) for place in range(number)]
    assert unreported(runs) == [f"r{place}" for place in reversed(range(number))]


def test_a_run_with_a_report_of_its_end_is_not_reported_again() -> None:
    assert unreported([ended("reported", reported_after_s=0), ended("missed")]) == ["missed"]


def test_a_report_from_before_the_end_does_not_count() -> None:
    assert unreported([ended("looked-at-while-it-ran", reported_after_s=-1)]) == ["looked-at-while-it-ran"]


def test_no_more_are_taken_at_once_than_a_dag_run_holds_and_the_newest_come_first() -> None:
    runs = [ended(f"r{place}", after_ms=place) for place in range(AT_ONCE + 1)]
    assert unreported(runs) == [f"r{place}" for place in range(AT_ONCE, 0, -1)]


def test_a_run_that_is_named_is_reported_whatever_it_has(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reports, "find_unreported", lambda: ["another"])
    assert reports.runs_to_report("named") == ["named"]
    assert reports.runs_to_report(None) == ["another"]
