"""A user's whole way in a browser: an experiment with faults launched, watched, reported, compared; what failed replayed and looked at."""

import os
import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote, unquote

import pytest
from playwright.sync_api import FrameLocator, Page, expect

from answerloop_airflow.runs import traffic_run_id
from tests import airflow, stack
from tests.browser import Complaints

pytestmark = pytest.mark.ui

REQUESTS = 40
RUN_MS = 300_000


@pytest.fixture
def url() -> str:
    return os.environ["ANSWERLOOP_AIRFLOW_URL"]


@pytest.fixture
def earlier_run() -> str:
    """A run to compare with."""
    stack.load_sample()
    stack.set_faults()
    stack.set_quality()
    logged_in = airflow.api()
    dag_run = logged_in.trigger("traffic_run", {"requests": 10, "rate": 10.0})
    airflow.succeeded(logged_in, "traffic_run", dag_run)
    return traffic_run_id(dag_run)


@pytest.fixture
def clean_model() -> Iterator[None]:
    """Whatever happens, the model is left without faults."""
    yield
    stack.set_faults()


@pytest.mark.timeout(900)
def test_from_the_form_of_a_run_to_a_question_that_recovered(
    page: Page, url: str, earlier_run: str, clean_model: None, tmp_path: Path
) -> None:
    complaints = Complaints(page)
    stack.set_faults(refused_400=0.35)
    dag_run = launched(page, url)
    run_id = traffic_run_id(dag_run)
    followed_to_its_report(page, url, dag_run, run_id, tmp_path)
    stack.set_faults()

    compared(page, url, run_id, earlier_run)
    failed = replayed(page, url, run_id, tmp_path)
    told_on_its_page(page, url, run_id, failed, tmp_path)
    question = recovered(page, url, run_id, failed, tmp_path)
    looked_at(question, tmp_path, page)
    assert complaints.found == []


def launched(page: Page, url: str) -> str:
    """Fill in the form of `traffic_run` and launch it; returns the id of its DAG run."""
    page.goto(f"{url}/dags/traffic_run")
    page.get_by_test_id("trigger-dag-button").click()
    form = page.get_by_role("dialog")
    expect(form.get_by_text("Run Parameters")).to_be_visible()
    form.locator("input[name=element_requests]").fill(str(REQUESTS))
    form.locator("input[name=element_rate]").fill("8")
    form.get_by_role("button", name="Trigger", exact=True).click()
    return started(page, "traffic_run")


def started(page: Page, dag_id: str) -> str:
    """The DAG run that the browser is led to."""
    page.wait_for_url(f"**/dags/{dag_id}/runs/**")
    found = re.search(r"/runs/([^/?]+)", page.url)
    assert found is not None
    return unquote(found[1])


def seen_to_succeed(page: Page, dag_id: str) -> None:
    """The DAG run that the browser is led to ends well, and its page says so. The page alone says so of each task, too."""
    airflow.succeeded(airflow.api(), dag_id, started(page, dag_id))
    expect(page.get_by_text("Success", exact=True).first).to_be_visible(timeout=RUN_MS)


def followed_to_its_report(page: Page, url: str, dag_run: str, run_id: str, tmp_path: Path) -> None:
    """The page beside the DAG run moves until the run has drained, and then shows its report, without anybody loading it again."""
    page.goto(f"{url}/dags/traffic_run/runs/{quote(dag_run)}/plugin/answerloop-experiment")
    inside = page.frame_locator("iframe[title='Experiment']")
    expect(inside.get_by_role("heading", name=run_id)).to_be_visible()
    answered = inside.locator("dl div", has_text="Answered").first.locator("dd")
    expect(answered).not_to_have_text("0")
    page.screenshot(path=tmp_path / "walk_1_live.png")
    expect(inside.get_by_text("drained").first).to_be_visible(timeout=RUN_MS)
    expect(inside.get_by_role("heading", name="Quality")).to_be_visible(timeout=RUN_MS)
    expect(inside.locator(".plot .main-svg").first).to_be_visible()
    page.screenshot(path=tmp_path / "walk_2_report.png")


def pages_in_airflow(page: Page, url: str) -> FrameLocator:
    """Answerloop's pages within Airflow's menu."""
    page.goto(f"{url}/plugin/answerloop")
    inside = page.frame_locator("iframe[title='Answerloop']")
    expect(inside.get_by_role("heading", name="Runs", exact=True)).to_be_visible()
    return inside


def compared(page: Page, url: str, run_id: str, earlier_run: str) -> None:
    inside = pages_in_airflow(page, url)
    inside.get_by_role("link", name=run_id, exact=True).click()
    inside.get_by_label("Compare with").select_option(earlier_run)
    inside.get_by_role("button", name="Compare").click()
    expect(inside.get_by_role("row", name=re.compile(r"^failed, share .* worse|^failed, share .* better"))).to_be_visible()


def failures_of(page: Page, url: str, run_id: str) -> FrameLocator:
    inside = pages_in_airflow(page, url)
    inside.get_by_role("link", name="Failures").click()
    expect(inside.get_by_role("heading", name="Failures")).to_be_visible()
    inside.get_by_label("Run", exact=True).fill(run_id)
    inside.get_by_role("button", name="Filter").click()
    # The page with the filter in it, not the one that it was filled in on.
    expect(inside.get_by_role("link", name="Clear")).to_be_visible()
    expect(inside.get_by_role("link", name="refused by model", exact=True)).to_be_visible()
    return inside


def replayed(page: Page, url: str, run_id: str, tmp_path: Path) -> int:
    """Replay the run's failures through the form that its filter has filled in; returns how many there were."""
    inside = failures_of(page, url, run_id)
    failed = inside.get_by_text("not yet", exact=True).count()
    assert failed > 1
    page.screenshot(path=tmp_path / "walk_3_failures.png")
    inside.get_by_role("link", name="Replay with this filter").click()
    expect(inside.get_by_role("heading", name="Replay failed questions")).to_be_visible()
    expect(inside.get_by_label("Run", exact=True)).to_have_value(run_id)
    page.screenshot(path=tmp_path / "walk_4_replay.png")
    expect(inside.get_by_text(f"{failed} failures that nobody has replayed follow the filter")).to_be_visible()
    inside.get_by_role("button", name="Replay").click()
    seen_to_succeed(page, "replay_failed_questions")
    return failed


def told_on_its_page(page: Page, url: str, run_id: str, failed: int, tmp_path: Path) -> None:
    """The run says that its failures recovered; its report does not know it yet, and is made again from there."""
    inside = pages_in_airflow(page, url)
    inside.get_by_role("link", name=run_id, exact=True).click()
    expect(inside.get_by_text(f"{failed} of its failures were asked again: {failed} recovered.")).to_be_visible()
    expect(inside.get_by_text("The report is older than that")).to_be_visible()
    page.screenshot(path=tmp_path / "walk_5_run_after_replay.png")
    inside.get_by_role("button", name="Make the report again").click()
    seen_to_succeed(page, "run_report")
    inside = pages_in_airflow(page, url)
    inside.get_by_role("link", name=run_id, exact=True).click()
    expect(inside.get_by_text(f"{failed} of its failures were asked again")).to_be_visible()
    expect(inside.get_by_text("The report is older than that")).to_have_count(0)


def recovered(page: Page, url: str, run_id: str, failed: int, tmp_path: Path) -> FrameLocator:
    """Every failure of the run has recovered; returns the page of one of the questions."""
    inside = failures_of(page, url, run_id)
    expect(inside.get_by_text("recovered", exact=True)).to_have_count(failed)
    expect(inside.get_by_text("all replayed")).to_be_visible()
    expect(inside.get_by_role("link", name="Replay with this filter")).to_have_count(0)
    page.screenshot(path=tmp_path / "walk_6_recovered.png")
    inside.locator("tr", has=page.get_by_text("recovered", exact=True)).first.get_by_role("link").first.click()
    return inside


def looked_at(question: FrameLocator, tmp_path: Path, page: Page) -> None:
    """Both submissions are told, and the answer stands beside its reference."""
    expect(question.get_by_role("heading", name=re.compile("Submission 1: asked failed"))).to_be_visible()
    expect(question.get_by_role("heading", name=re.compile("Submission 2: replayed answered"))).to_be_visible()
    expect(question.get_by_role("region", name="The accepted answer")).not_to_be_empty()
    expect(question.get_by_role("region", name="The reference answer")).not_to_be_empty()
    page.screenshot(path=tmp_path / "walk_7_question.png")
