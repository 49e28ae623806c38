"""A user's way to replay failures in Airflow's pages: fill in the form, look at what would be asked again, approve it."""

import asyncio
import os
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.failed_runs import DAG, failed_run, statuses

pytestmark = pytest.mark.ui


@pytest.fixture(scope="module")
def run() -> tuple[str, int]:
    """A run with failures, and how many."""
    # Before the browser: Playwright has a loop of its own in this thread.
    return asyncio.run(failed_run())


@pytest.mark.timeout(600)
def test_a_replay_is_started_from_its_form_and_approved(run: tuple[str, int], page: Page, tmp_path: Path) -> None:
    run_id, failed = run
    page.goto(f"{os.environ['ANSWERLOOP_AIRFLOW_URL']}/dags/{DAG}")
    page.get_by_test_id("trigger-dag-button").click()
    form = page.get_by_role("dialog")
    form.locator("input[name=element_run_id]").fill(run_id)
    form.locator("input[name=element_approve_above]").fill("1")
    form.get_by_role("button", name="Trigger", exact=True).click()
    page.wait_for_url(f"**/dags/{DAG}/runs/**")
    dag_run = page.url.split("?")[0].rstrip("/")
    expect(page.get_by_text("Awaiting Input").first).to_be_visible()

    page.goto(f"{dag_run}/tasks/approve/required_actions")
    expect(page.get_by_text(f"all {failed} failures that match")).to_be_visible()
    expect(page.get_by_role("cell", name="refused_by_model")).to_be_visible()
    page.screenshot(path=tmp_path / "replay_approval.png")
    assert statuses(run_id)["failed"] == failed
    page.get_by_role("button", name="Approve", exact=True).click()
    page.goto(f"{dag_run}/tasks/outcome")
    expect(page.get_by_text(f"{failed} replayed: {failed} recovered, 0 failed again").first).to_be_visible(timeout=120_000)
    assert statuses(run_id).keys() == {"answered"}
