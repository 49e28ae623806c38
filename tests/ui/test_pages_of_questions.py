"""Failures, questions and nightly reports in a browser, with texts that mean harm."""

import os
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx
import msgspec
import psycopg2
import pytest
from playwright.sync_api import BrowserContext, Page, expect
from psycopg2.extras import Json

from answerloop_airflow.pages.app import PREFIX
from streaming import settings
from streaming.figures.scope import Kind
from tests import airflow
from tests.browser import Complaints, inaccessible, until_drawn
from tests.example_report import day_report, empty_report

pytestmark = pytest.mark.ui

WIDTHS = (1280, 390)
SCHEMES = ("light", "dark")
SCRIPT = "<script>window.harmed = true</script><img src=x onerror='window.harmed = true'>"
WORD = f"zyx{uuid4().hex[:12]}"
LONG = "wide" * 25_000  # 100,000 characters without a place to break
# Long before the project: no run ends on these days.
DAYS = ("2001-02-03", "2001-02-04")
QUESTION = """
INSERT INTO questions (question_id, answer_set, question_text, original_answer, status, submission_id, created_at, submitted_at,
                       enqueued_at, resolved_at)
VALUES (%(id)s, 'test of pages', %(text)s, %(reference)s, %(status)s, %(submission)s, now() - interval '10 s', now() - interval '10 s',
        now() - interval '9 s', now());
INSERT INTO submissions (submission_id, question_id, kind, submitted_at) VALUES (%(submission)s, %(id)s, 'first', now() - interval '10 s');
"""
ATTEMPT = """
INSERT INTO attempts (submission_id, retry_count, question_id, outcome, error_type, error, bert_score, llm_response, model, waited_ms,
                      enqueued_at, llm_started_at, llm_finished_at, scored_at, stored_at)
VALUES (%(submission)s, %(try)s, %(id)s, %(outcome)s, %(error_type)s, %(error)s, %(score)s, %(answer)s, %(model)s, %(try)s * 2000,
        now() - interval '9 s' + %(try)s * interval '4 s', now() - interval '8 s' + %(try)s * interval '4 s',
        now() - interval '7 s' + %(try)s * interval '4 s', now() - interval '6 s' + %(try)s * interval '4 s', now())
"""
ANSWER = """
INSERT INTO answers (question_id, submission_id, llm_response, bert_score, first_score, processing_attempts, total_processing_time_ms,
                     accepted_as, accepted_retry_count, model, scored_at, stored_at)
VALUES (%(id)s, %(submission)s, %(answer)s, 0.9, 0.4, 2, 9000, 'passed', 1, %(model)s, now(), now())
"""
FAILURE = """
INSERT INTO failed_questions (question_id, submission_id, retry_count, cause, last_error, last_attempt_timestamp, run_id, failed_at)
VALUES (%(id)s, %(submission)s, 0, 'refused_by_model', %(error)s, now(), NULL, now())
"""
REPORT = """
INSERT INTO metric_reports (kind, subject, since, until, simulated, report, created_at)
VALUES (%(kind)s, %(day)s, %(day)s::timestamptz, %(day)s::timestamptz + interval '1 day', true, %(report)s, now())
ON CONFLICT DO NOTHING
"""


def at(path: str) -> str:
    """The address of a page without Airflow's frame around it."""
    return f"{os.environ['ANSWERLOOP_AIRFLOW_URL']}{PREFIX}{path}"


class Written:
    """Rows of the test's own: ids of a question whose answer is a script, of one with a very long answer, and of one that failed."""

    def __init__(self) -> None:
        self.scripted, self.long, self.failed = (uuid4() for _ in range(3))


@pytest.fixture(scope="module")
def written() -> Iterator[Written]:
    rows = Written()
    with closing(psycopg2.connect(settings.load().owner_url)) as database:
        with database, database.cursor() as cursor:
            for id, answer in ((rows.scripted, SCRIPT), (rows.long, LONG)):
                values = question(id, "answered", answer)
                cursor.execute(QUESTION, values)
                for number, outcome, score in ((0, "success", 0.4), (1, "success", 0.9)):
                    cursor.execute(ATTEMPT, {**values, "try": number, "outcome": outcome, "score": score})
                cursor.execute(ANSWER, values)
            values = question(rows.failed, "failed", None)
            cursor.execute(QUESTION, values)
            cursor.execute(ATTEMPT, {**values, "try": 0, "outcome": "fatal", "score": None, "error_type": "refused", "error": SCRIPT})
            cursor.execute(FAILURE, {**values, "error": f"{WORD} {SCRIPT}"})
            for day, report in zip(DAYS, (empty_report(), day_report()), strict=True):
                cursor.execute(REPORT, {"kind": Kind.DAY.value, "day": day, "report": Json(msgspec.to_builtins(report))})
        yield rows
        with database, database.cursor() as cursor:
            mine = [str(id) for id in (rows.scripted, rows.long, rows.failed)]
            cursor.execute("DELETE FROM attempts WHERE question_id = ANY(%s::uuid[])", (mine,))
            cursor.execute("DELETE FROM questions WHERE question_id = ANY(%s::uuid[])", (mine,))
            cursor.execute("DELETE FROM metric_reports WHERE kind = 'day' AND subject = ANY(%s)", (list(DAYS),))


def question(id: UUID, status: str, answer: str | None) -> dict[str, Any]:
    texts = {"text": f"{WORD} {SCRIPT} why?", "reference": SCRIPT, "answer": answer, "model": SCRIPT}
    nothing = {"error_type": None, "error": None}
    return {"id": str(id), "submission": str(uuid4()), "status": status, **texts, **nothing}


def test_an_answer_that_holds_a_script_is_shown_as_text(page: Page, written: Written) -> None:
    complaints = Complaints(page)
    for path in (
        f"/question?id={written.scripted}",
        f"/question?id={written.failed}",
        f"/questions?q={WORD}",
        f"/failures?error_text={WORD}",
    ):
        page.goto(at(path))
        for each in page.locator("summary").all():
            each.click()
        expect(page.get_by_text(SCRIPT).first).to_be_visible()
        assert page.evaluate("window.harmed") is None, path
        assert page.locator("main script, main img").count() == 0
    assert complaints.found == []


@pytest.mark.parametrize("width", WIDTHS)
def test_a_very_long_answer_leaves_the_page_as_it_is(page: Page, written: Written, tmp_path: Path, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 900})
    page.goto(at(f"/question?id={written.long}"))
    answer = page.get_by_role("region", name="The accepted answer")
    assert len(answer.inner_text()) == 100_000
    box = answer.bounding_box()
    assert box is not None
    assert box["height"] < 400
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    expect(page.get_by_text("100,000 characters").first).to_be_visible()
    page.screenshot(path=tmp_path / f"long_answer_{width}.png", full_page=True)


def test_a_question_is_found_by_its_words_and_by_its_id(page: Page, written: Written, tmp_path: Path) -> None:
    page.goto(at("/questions"))
    search = page.get_by_label("Words of the question, or its id")
    search.fill(WORD[:-3])
    search.press("Enter")
    expect(page.get_by_role("row").filter(has_text=WORD)).to_have_count(3)
    search.fill(f"{WORD} nosuchword")
    search.press("Enter")
    expect(page.get_by_text("No question holds all of these words")).to_be_visible()
    search.fill(str(written.scripted))
    search.press("Enter")
    expect(page.get_by_role("heading", name="Question", exact=True)).to_be_visible()
    expect(page.get_by_text("Accepted as passed: attempt 2, score 0.900, first 0.400")).to_be_visible()
    page.screenshot(path=tmp_path / "pages_question.png")


def test_failures_are_filtered_and_lead_to_the_replay_form_filled_in(page: Page, written: Written, tmp_path: Path) -> None:
    page.goto(at("/failures"))
    page.screenshot(path=tmp_path / "pages_failures.png")
    page.get_by_label("Text of the error").fill(WORD)
    page.get_by_role("button", name="Filter").click()
    expect(page.get_by_role("link", name=WORD)).to_have_count(1)
    page.get_by_role("link", name="refused by model", exact=True).click()
    page.get_by_role("link", name="Replay with this filter").click()
    expect(page.get_by_text("1 failure that nobody has replayed follows the filter")).to_be_visible()
    expect(page.get_by_label("Cause")).to_have_value("refused_by_model")
    expect(page.get_by_label("Text of the error")).to_have_value(WORD)
    page.screenshot(path=tmp_path / "pages_replay.png")


def test_days_lead_to_their_reports_and_these_to_their_files(page: Page, written: Written, tmp_path: Path) -> None:
    complaints = Complaints(page)
    page.goto(at("/nightly?before=2001-03-01"))
    expect(page.get_by_role("row", name="2001-02-03 simulated nothing happened")).to_be_visible()
    until_drawn(page)
    page.screenshot(path=tmp_path / "pages_nightly.png")
    page.get_by_role("link", name="2001-02-04").click()
    expect(page.get_by_role("heading", name="Quality")).to_be_visible()
    until_drawn(page)
    with page.expect_download() as download:
        page.get_by_role("link", name="figures.json").click()
    assert download.value.suggested_filename == "figures.json"
    page.get_by_role("link", name="← 2001-02-03").click()
    expect(page.get_by_role("heading", name="Nothing happened")).to_be_visible()
    assert complaints.found == []


def test_what_does_not_exist_is_told_and_airflow_goes_on(page: Page) -> None:
    nobody = uuid4()
    for path, sentence in {
        f"/question?id={nobody}": f"There is no question {nobody}",
        "/question?id=<script>": "is no id of a question",
        "/failures?since=never": "This filter cannot be used",
        "/replay?until=never": "This filter cannot be used",
        "/nightly/day?day=1999-01-01": "There is no report of the day 1999-01-01",
        "/nightly/day?day=never": "holds a value that cannot be used: day",
        "/nightly/calibration?subject=none": "There is no calibration 'none'",
    }.items():
        page.goto(at(path))
        expect(page.get_by_role("alert").first).to_contain_text(sentence)
        assert "Traceback" not in page.content()
    assert airflow.api().dags()


def test_they_are_refused_to_the_anonymous(written: Written) -> None:
    for path in ("/failures", "/replay", "/questions", f"/question?id={written.scripted}", "/nightly", f"/nightly/day?day={DAYS[0]}"):
        assert httpx.get(at(path)).status_code == 401, path


@pytest.mark.timeout(600)
@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("scheme", SCHEMES)
def test_they_are_accessible_and_fit_in_both_schemes(
    session: BrowserContext, written: Written, tmp_path: Path, scheme: str, width: int
) -> None:
    page = session.new_page()
    page.set_viewport_size({"width": width, "height": 900})
    page.add_init_script(f"localStorage.setItem('theme', '{scheme}')")
    for name, path in {
        "failures": "/failures",
        "replay": "/replay?cause=refused_by_model",
        "refused": "/failures?since=never",
        "questions": f"/questions?q={WORD}",
        "question": f"/question?id={written.scripted}",
        "failed": f"/question?id={written.failed}",
        "nightly": "/nightly",
        "day": f"/nightly/day?day={DAYS[1]}",
    }.items():
        page.goto(at(path))
        until_drawn(page)
        assert page.evaluate("document.documentElement.scrollWidth") <= width, path
        page.screenshot(path=tmp_path / f"{name}_{scheme}_{width}.png", full_page=True)
        assert inaccessible(page) == [], path
    page.close()
