"""Reports of days and of calibrations."""

from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest
from fastapi.testclient import TestClient

from answerloop_airflow.pages import assets
from streaming.calibration.thresholds import calibration, samples_of
from streaming.figures.rates import Group
from tests.example_report import day_report, empty_report
from tests.unit.pages.conftest import Tables

MADE = datetime(2026, 11, 23, 1, tzinfo=UTC)


@pytest.fixture
def two_days(tables: Tables) -> Tables:
    main = {"requests": 10, "answered": 9, "failed": 1, "failure_rate": 0.1, "real_p50": 5.0, "real_p95": 9.0, "score": 0.8, "calls": 12}
    lone = {"simulated": True, "created_at": MADE, "partial": False, "empty": False}
    nothing = {**dict.fromkeys(main), **lone, "empty": True}
    tables.answers["days ORDER BY since"] = [{"subject": "2026-03-21", **main, **lone}, {"subject": "2026-03-20", **nothing}]
    tables.answers["jsonb_build_object"] = [{"report": msgspec.json.encode(each).decode()} for each in (day_report(), empty_report())]
    return tables


def test_days_stand_below_the_trend_of_their_main_figures(client: TestClient, two_days: Tables, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(assets, "htmx", lambda: None)
    text = client.get("/nightly").text
    assert "Main figures from day to day" in text
    assert "hx-get" not in text
    assert 'href="/here/answerloop/nightly/day?day=2026-03-21"' in text
    assert "10.0 %" in text
    assert "nothing happened" in text
    assert text.count("<h1") == 1


def test_the_trend_follows_the_list_where_htmx_can_fetch_it(
    client: TestClient, two_days: Tables, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(assets, "htmx", lambda: tmp_path / "htmx.min.js")
    text = client.get("/nightly").text
    assert "Main figures from day to day" not in text
    assert 'hx-get="/here/answerloop/nightly/trend?last=2026-03-21" hx-trigger="load"' in text
    assert text.count("<h1") == 1
    part = client.get("/nightly/trend", params={"last": "2026-03-21"}).text
    assert "Main figures from day to day" in part
    assert part.count("<h1") == 1


def test_of_a_calibration_the_one_file_that_is_asked_for_is_made(client: TestClient, tables: Tables) -> None:
    result = calibration(
        scorer="s",
        dataset="d",
        seed=1,
        questions=1,
        started_at=MADE,
        finished_at=MADE,
        samples=samples_of([(Group.MATCHED, "variant", 0.9), (Group.UNRELATED, "another", 0.1)]),
        left_out={},
        threshold=0.75,
    )
    tables.answers["FROM metric_reports"] = [{"report": msgspec.json.encode(result).decode()}]
    assert client.get("/files/calibration/s on d/scores.csv").text.splitlines()[0] == "pairs,answer,score"
    assert client.get("/files/calibration/s on d/index.html").status_code == 404


def test_without_any_a_sentence_says_so_with_the_command(client: TestClient) -> None:
    text = client.get("/nightly").text
    assert "There is no report of a day yet." in text
    assert "airflow backfill create --dag-id nightly_metrics_report" in text
    assert "The scorer has not been calibrated yet" in text


def test_a_day_is_shown_between_its_neighbours(client: TestClient, two_days: Tables) -> None:
    two_days.answers["SELECT body"] = []
    two_days.answers["metric_reports WHERE kind = %(kind)s AND subject = "] = [{"report": msgspec.json.encode(day_report()).decode()}]
    two_days.answers["max(subject)"] = [{"before": "2026-03-20", "after": None}]
    text = client.get("/nightly/day", params={"day": "2026-03-21"}).text
    assert 'day?day=2026-03-20" rel="prev"' in text
    assert 'rel="next"' not in text
    assert "The days before" in text
    assert "/here/answerloop/files/day/2026-03-21/figures.json" in text


def test_a_day_without_a_report_is_told_with_the_command(client: TestClient) -> None:
    reply = client.get("/nightly/day", params={"day": "2026-03-21"})
    assert reply.status_code == 404
    assert "python -m streaming report day 2026-03-21" in reply.text


@pytest.mark.parametrize("path", ["/nightly/day?day=tomorrow", "/nightly?before=2026"])
def test_what_is_no_day_is_told(client: TestClient, path: str) -> None:
    assert client.get(path).status_code == 422


def test_a_calibration_that_is_not_there_is_told(client: TestClient) -> None:
    reply = client.get("/nightly/calibration", params={"subject": "<b>"})
    assert reply.status_code == 404
    assert "There is no calibration" in reply.text
    assert "<b>" not in reply.text
