"""The pictures of the documentation, taken of an experiment whose model is busy and often wrong. Only with UPDATE_SCREENSHOTS=1."""

import os
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import msgspec
import pytest
from playwright.sync_api import Browser, Page, expect

from answerloop_airflow.pages.app import PREFIX
from answerloop_airflow.runs import traffic_run_id
from streaming.figures.values import Report
from streaming.reports.folder import write
from streaming.simulator.faults import FAULTS, QUALITY
from tests import airflow, stack
from tests.browser import until_drawn

pytestmark = [
    pytest.mark.ui,
    pytest.mark.timeout(600),
    pytest.mark.skipif(not os.environ.get("UPDATE_SCREENSHOTS"), reason="only where UPDATE_SCREENSHOTS asks for new pictures"),
]

# Of the run's answered questions, the one whose score gained most by being asked again, after an overload as well where there is one.
TELLING = """
SELECT question_id FROM answers JOIN attempts USING (question_id) JOIN questions USING (question_id)
WHERE questions.run_id = %s AND accepted_as = 'passed' AND first_score < answers.bert_score
GROUP BY question_id, answers.bert_score, first_score
ORDER BY count(DISTINCT outcome) DESC, answers.bert_score - first_score DESC, question_id LIMIT 1
"""


@pytest.fixture(scope="module")
def dag_run() -> Iterator[str]:
    """A traffic run like that of `make demo`, just begun."""
    stack.load_sample()
    stack.set_faults(**FAULTS["demo"].model_dump())
    stack.set_quality(**QUALITY["demo"].model_dump())
    try:
        yield airflow.api().trigger("traffic_run", {"requests": 400, "rate": 12.0, "popularity": "uniform", "seed": 7})
    finally:
        stack.set_faults()
        stack.set_quality()


def test_a_run_that_goes_on_and_one_of_its_questions(page: Page, dag_run: str, pictures: Path) -> None:
    run_id = traffic_run_id(dag_run)
    page.goto(f"{os.environ['ANSWERLOOP_AIRFLOW_URL']}/dags/traffic_run/runs/{quote(dag_run)}/plugin/answerloop-experiment")
    inside = page.frame_locator("iframe[title='Experiment']")
    expect(inside.get_by_text("waiting to be asked again").first).to_be_visible()
    sent = "SELECT count(*) FILTER (WHERE resolved_at IS NOT NULL) > 150 FROM traffic_requests WHERE run_id = %s"
    stack.until(lambda: bool(stack.sql(sent, run_id)[0][0]), "much of the run is answered", 120)
    page.screenshot(path=pictures / "run_live.png")

    stack.until(lambda: stack.sql("SELECT state FROM traffic_runs WHERE run_id = %s", run_id) == [("drained",)], "the run drains", 240)
    page.set_viewport_size({"width": 1280, "height": 720})
    page.goto(f"{os.environ['ANSWERLOOP_AIRFLOW_URL']}{PREFIX}/question?id={stack.sql(TELLING, run_id)[0][0]}")
    expect(page.get_by_text("Accepted as passed")).to_be_visible()
    page.screenshot(path=pictures / "question.png")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_runs_report(browser: Browser, dag_run: str, pictures: Path, tmp_path: Path, scheme: str) -> None:
    stored = "SELECT report::text FROM metric_reports WHERE kind = 'run' AND subject = %s"
    run_id = traffic_run_id(dag_run)
    stack.until(lambda: bool(stack.sql(stored, run_id)), "the run's report is stored", 240)
    report = msgspec.json.decode(stack.sql(stored, run_id)[0][0], type=Report)
    page = browser.new_page(viewport={"width": 1280, "height": 1030}, color_scheme=scheme)  # type: ignore[arg-type]
    page.goto(write(report, tmp_path).as_uri())
    until_drawn(page)
    page.screenshot(path=pictures / f"report_{scheme}.png")
    page.close()
