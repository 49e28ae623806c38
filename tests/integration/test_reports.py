"""Reports of days and runs, put together from rows written by hand, stored and written."""

import json
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from streaming import settings
from streaming.clock import ManualClock
from streaming.errors import UserError
from streaming.figures.measure import day_report, run_report
from streaming.figures.values import Figures, Report
from streaming.reports.page import body
from streaming.reports.produce import report_day, report_run
from streaming.reports.stored_html import FILES, drawn_with
from streaming.settings import Settings
from tests.integration.private_tables import private_tables
from tests.integration.report_rows import MIDNIGHT, NOON, ReportRows, at, report_rows

pytestmark = pytest.mark.integration

FIRST = date(2026, 3, 1)
A_MINUTE_ON = NOON + timedelta(minutes=1)
LATER = MIDNIGHT + timedelta(days=10)


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with private_tables() as tables:
        yield tables


@pytest.fixture
def rows(url: str) -> Iterator[ReportRows]:
    with report_rows(url) as tables:
        yield tables


@pytest.fixture
def used(url: str, tmp_path: Path) -> Settings:
    return settings.load().model_copy(update={"reports_database_url": url, "reports_dir": tmp_path})


def run_row(rows: ReportRows, run_id: str, started: datetime = NOON, finished: datetime | None = A_MINUTE_ON, **columns: Any) -> None:
    row = {"answer_set": run_id, "dataset": "sample", "state": "drained" if finished else "sending", "plan": "{}", "simulated": False}
    rows.insert("traffic_runs", run_id=run_id, started_at=started, finished_at=finished, **{**row, **columns})


def an_answer(rows: ReportRows, run_id: str, when: datetime, model: str = "m") -> None:
    """Asked, called and answered at that time."""
    trip = rows.trip(run_id)
    rows.request(rows_of(rows, run_id), when, perceived_s=0.1, real_s=1, run_id=run_id)
    rows.call(trip, 0, stored=when, model=model)
    rows.answer(trip, stored=when)


def rows_of(rows: ReportRows, run_id: str) -> int:
    with rows.reading() as cursor:
        cursor.execute("SELECT count(*) AS n FROM traffic_requests WHERE run_id = %s", (run_id,))
        return int(next(iter(cursor))["n"])


def of_day(rows: ReportRows, day: date = FIRST, now: datetime = LATER) -> Report:
    with rows.reading() as cursor:
        return day_report(cursor, day, now, 0.75)


def of_run(rows: ReportRows, run_id: str, now: datetime = LATER) -> Figures:
    with rows.reading() as cursor:
        return run_report(cursor, run_id, now, 0.75).figures


def test_a_run_over_midnight_counts_in_each_day_with_its_part_and_as_a_whole_in_its_own_report(rows: ReportRows) -> None:
    run_row(rows, "night", started=MIDNIGHT - timedelta(minutes=10), finished=MIDNIGHT + timedelta(minutes=20))
    for minutes in (-5, 5, 6):
        an_answer(rows, "night", MIDNIGHT + timedelta(minutes=minutes))
    first, second = of_day(rows), of_day(rows, date(2026, 3, 2))
    assert [part.figures.whole.answered for part in (first, second)] == [1, 2]
    assert [run.whole.answered for part in (first, second) for run in part.runs] == [1, 2]
    assert (second.runs[0].scope.since, second.runs[0].scope.until) == (MIDNIGHT, MIDNIGHT + timedelta(minutes=20))
    assert of_run(rows, "night").whole.answered == 3


def test_a_day_lists_the_runs_that_have_rows_in_it_in_the_order_of_their_start(rows: ReportRows) -> None:
    run_row(rows, "later", started=at(100), finished=at(200))
    run_row(rows, "earlier")
    run_row(rows, "tomorrow", started=MIDNIGHT, finished=MIDNIGHT + timedelta(minutes=1))
    for run_id, when in (("later", at(101)), ("earlier", at(1)), ("tomorrow", MIDNIGHT)):
        an_answer(rows, run_id, when)
    report = of_day(rows)
    assert [run.scope.subject for run in report.runs] == ["earlier", "later"]
    assert report.figures.whole.answered == 2


def test_an_answer_that_comes_after_its_run_ended_counts_in_the_runs_part(rows: ReportRows) -> None:
    run_row(rows, "slow", finished=at(60), state="timed_out")
    an_answer(rows, "slow", at(500))
    (part,) = of_day(rows).runs
    assert (part.whole.answered, part.scope.until) == (1, at(60))


def test_samples_of_a_runs_part_are_those_of_its_time(rows: ReportRows) -> None:
    run_row(rows, "short", finished=at(30))
    an_answer(rows, "short", at(1))
    for second, mib in ((-60, 900), (10, 100), (20, 200), (60, 900)):
        rows.insert("service_samples", time=at(second), service="sampler", metric="memory_bytes", value=mib * 1024 * 1024)
    report = of_day(rows)
    assert report.runs[0].whole.services[0].mean_memory_mib == pytest.approx(150)
    assert report.figures.whole.services[0].mean_memory_mib == pytest.approx((900 + 100 + 200 + 900) / 4)


def test_a_simulated_answer_makes_its_run_and_its_day_simulated(rows: ReportRows) -> None:
    run_row(rows, "real")
    run_row(rows, "made-up", started=at(1))
    an_answer(rows, "real", at(2), model="llama")
    assert not of_day(rows).figures.scope.simulated
    an_answer(rows, "made-up", at(2), model="llama (simulated)")
    report = of_day(rows)
    assert [run.scope.simulated for run in report.runs] == [False, True]
    assert report.figures.scope.simulated
    assert report.figures.scope.models == {"llama": 1, "llama (simulated)": 1}


def test_a_call_that_failed_was_answered_by_no_model(rows: ReportRows) -> None:
    run_row(rows, "busy")
    an_answer(rows, "busy", at(2), model="llama (simulated)")
    rows.call(rows.trip("busy"), 0, "overload", stored=at(2), model="llama")
    assert of_day(rows).figures.scope.models == {"llama (simulated)": 1}
    assert of_day(rows).figures.model.calls == 2


def test_a_day_on_which_nothing_happened_is_empty(rows: ReportRows) -> None:
    an_answer(rows, "r", MIDNIGHT)
    report = of_day(rows)
    assert (report.figures.empty, report.runs) == (True, [])
    assert not of_day(rows, date(2026, 3, 2)).figures.empty


def test_today_is_partial_up_to_now_and_tomorrow_is_refused(rows: ReportRows) -> None:
    report = of_day(rows, now=at(90))
    assert (report.figures.scope.partial, report.figures.scope.until) == (True, at(90))
    assert not of_day(rows, now=MIDNIGHT).figures.scope.partial
    with pytest.raises(UserError, match="2026-03-02 has not begun"):
        of_day(rows, date(2026, 3, 2), now=at(90))


def test_a_run_that_goes_on_is_partial_and_one_that_never_was_is_refused(rows: ReportRows) -> None:
    run_row(rows, "going", finished=None)
    scope = of_run(rows, "going", now=at(5)).scope
    assert (scope.partial, scope.state, scope.until) == (True, "sending", at(5))
    with pytest.raises(UserError, match="There is no run 'nope'"):
        of_run(rows, "nope")


def test_a_run_without_any_row_is_empty(rows: ReportRows) -> None:
    run_row(rows, "idle")
    assert of_run(rows, "idle").empty


def stored(rows: ReportRows) -> list[tuple[str, str, Any]]:
    with rows.reading() as cursor:
        cursor.execute("SELECT kind, subject, report FROM metric_reports ORDER BY 1, 2")
        return [(row["kind"], row["subject"], row["report"]) for row in cursor]


def test_a_day_made_again_is_one_row_with_the_same_figures_and_its_page_beside_them(rows: ReportRows, used: Settings) -> None:
    run_row(rows, "run-1")
    an_answer(rows, "run-1", at(1))
    _, page = report_day(FIRST, used, ManualClock(LATER))
    before = stored(rows)
    _, again = report_day(FIRST, used, ManualClock(LATER + timedelta(hours=1)))
    assert stored(rows) == before
    assert [(kind, subject) for kind, subject, _ in before] == [("day", "2026-03-01")]
    assert page == again == used.reports_dir / "day" / "2026-03-01" / "index.html"
    assert json.loads((page.parent / "figures.json").read_text()) == before[0][2]


def test_a_report_is_kept_as_the_pages_show_it(rows: ReportRows, used: Settings) -> None:
    run_row(rows, "run-1")
    an_answer(rows, "run-1", at(1))
    report, _ = report_run("run-1", used, ManualClock(LATER))
    with rows.reading() as cursor:
        cursor.execute("SELECT body, drawn_with FROM metric_reports")
        (kept,) = cursor.fetchall()
    assert (kept["body"], kept["drawn_with"]) == (body(report, (), FILES), drawn_with())


def test_a_partial_day_is_replaced_by_the_whole_one(rows: ReportRows, used: Settings) -> None:
    run_row(rows, "run-1")
    an_answer(rows, "run-1", at(1))
    _, page = report_day(FIRST, used, ManualClock(at(10)))
    assert "figures up to 2026-03-01 12:00 UTC" in page.read_text()
    an_answer(rows, "run-1", at(20))
    report_day(FIRST, used, ManualClock(LATER))
    assert "figures up to" not in page.read_text()
    ((_, _, report),) = stored(rows)
    assert (report["figures"]["scope"]["partial"], report["figures"]["whole"]["answered"]) == (False, 2)


def test_the_days_before_are_drawn_beside_a_day(rows: ReportRows, used: Settings) -> None:
    run_row(rows, "run-1", finished=MIDNIGHT + timedelta(hours=1))
    an_answer(rows, "run-1", at(1))
    an_answer(rows, "run-1", MIDNIGHT)
    _, first = report_day(FIRST, used, ManualClock(LATER))
    _, second = report_day(date(2026, 3, 2), used, ManualClock(LATER))
    assert "The days before" not in first.read_text()
    assert "The days before" in second.read_text()


def test_a_run_is_kept_under_its_name_or_under_one_that_a_file_may_have(rows: ReportRows, used: Settings) -> None:
    run_row(rows, "run-1")
    run_row(rows, "../../a b")
    assert report_run("run-1", used, ManualClock(LATER))[1] == used.reports_dir / "run" / "run-1" / "index.html"
    odd = report_run("../../a b", used, ManualClock(LATER))[1]
    assert odd.parent.parent == used.reports_dir / "run"
    assert [subject for _, subject, _ in stored(rows)] == ["../../a b", "run-1"]


def test_a_refused_report_leaves_nothing(rows: ReportRows, used: Settings) -> None:
    with pytest.raises(UserError):
        report_run("nope", used, ManualClock(LATER))
    assert stored(rows) == []
    assert list(used.reports_dir.iterdir()) == []
