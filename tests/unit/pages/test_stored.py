"""What an older version has stored is told in a sentence, with how to make it again; no page falls over it."""

import json
from typing import Any

import msgspec
import pytest
from fastapi.testclient import TestClient

from streaming.calibration.thresholds import calibration, samples_of
from streaming.figures.rates import Group
from tests.example_report import day_report, run_report
from tests.unit.pages.conftest import Tables
from tests.unit.pages.test_comparison import SUMMARY
from tests.unit.pages.test_runs import BEGUN, ONE, a_run

KEPT, TODAYS_HTML, EARLIER = "metric_reports WHERE kind = %(kind)s AND subject = ", "SELECT body", "jsonb_build_object"


def without(value: Any, *path: str) -> Any:
    """The value as JSON would keep it, but for one field that a version before this one did not know."""
    made = json.loads(msgspec.json.encode(value))
    holder = made
    for each in path[:-1]:
        holder = holder[each]
    del holder[path[-1]]
    return made


OLD_RUN = json.dumps(without(run_report(), "figures", "whole", "requests"))
OLD_DAY = json.dumps(without(day_report(), "figures", "whole", "requests"))
OLD_SUMMARY = without(SUMMARY, "attempts")
CALIBRATION = calibration(
    scorer="s",
    dataset="d",
    seed=1,
    questions=1,
    started_at=BEGUN,
    finished_at=BEGUN,
    samples=samples_of([(Group.MATCHED, "variant", 0.9), (Group.UNRELATED, "another", 0.1)]),
    left_out={},
    threshold=0.75,
)
OLD_CALIBRATION = json.dumps(without(CALIBRATION, "in_use"))


@pytest.mark.parametrize(
    ("path", "report", "again"),
    [
        ("/run?id=one", OLD_RUN, "python -m streaming report run one"),
        ("/files/run/one/figures.json", OLD_RUN, "python -m streaming report run one"),
        ("/nightly/day?day=2026-03-21", OLD_DAY, "python -m streaming report day 2026-03-21"),
        ("/nightly/calibration?subject=s", OLD_CALIBRATION, "python -m streaming calibrate"),
        ("/files/calibration/s/scores.csv", OLD_CALIBRATION, "python -m streaming calibrate"),
    ],
)
def test_a_report_of_an_older_version_is_to_be_made_again(client: TestClient, tables: Tables, path: str, report: str, again: str) -> None:
    tables.answers |= {ONE: [a_run()], TODAYS_HTML: [], KEPT: [{"report": report}]}
    reply = client.get(path)
    assert reply.status_code == 404
    assert "was made by an older version" in reply.text
    assert again in reply.text


@pytest.mark.parametrize("path", ["/run?id=one", "/compare?left=one&right=two"])
def test_a_summary_of_an_older_version_is_to_be_made_again(client: TestClient, tables: Tables, path: str) -> None:
    tables.answers |= {ONE: [a_run(summary=OLD_SUMMARY)], TODAYS_HTML: [], KEPT: []}
    reply = client.get(path)
    assert reply.status_code == 404
    assert "The summary of the run" in reply.text
    assert "--run-id one" in reply.text


def test_a_report_of_today_is_shown_beside_a_summary_of_an_older_version(client: TestClient, tables: Tables) -> None:
    tables.answers |= {ONE: [a_run(summary=OLD_SUMMARY)], TODAYS_HTML: [{"body": "<p>as it was drawn</p>"}]}
    reply = client.get("/run?id=one")
    assert reply.status_code == 200
    assert "as it was drawn" in reply.text


def test_a_day_of_an_older_version_is_left_out_of_the_trend(client: TestClient, tables: Tables, caplog: pytest.LogCaptureFixture) -> None:
    tables.answers[EARLIER] = [{"report": msgspec.json.encode(day_report()).decode()}, {"report": OLD_DAY}]
    reply = client.get("/nightly/trend", params={"last": "2026-03-21"})
    assert reply.status_code == 200
    assert "Main figures from day to day" in reply.text
    assert "make it again" in caplog.text
