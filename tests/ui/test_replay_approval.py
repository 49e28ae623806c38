"""A user's way to replay failures in Airflow's pages: fill in the form, look at what would be asked again, approve it.

With UPDATE_SCREENSHOTS=1 the picture replaces that in docs/images.
"""

import asyncio
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests import airflow, stack
from tests.browser import chromium, log_in
from tests.failed_runs import DAG, failed_run, statuses

pytestmark = pytest.mark.ui

PATIENCE_MS = 90_000


@pytest.fixture
def run() -> tuple[str, int]:
    """A run with failures, and how many."""
    # Before the browser: Playwright has a loop of its own in this thread.
    return asyncio.run(failed_run())


@pytest.fixture
def page(run: tuple[str, int]) -> Iterator[Page]:
    airflow.api()
    with chromium() as browser:
        page = browser.new_page(viewport={"width": 1300, "height": 1500})
        page.set_default_timeout(PATIENCE_MS)
        expect.set_options(timeout=PATIENCE_MS)
        log_in(page)
        yield page


@pytest.mark.timeout(600)
def test_a_replay_is_started_from_its_form_and_approved(run: tuple[str, int], page: Page, tmp_path: Path) -> None:
    run_id, failed = run
    pictures = stack.ROOT / "docs" / "images" if os.environ.get("UPDATE_SCREENSHOTS") else tmp_path
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
    page.set_viewport_size({"width": 1300, "height": 900})
    expect(page.get_by_text(f"all {failed} failures that match")).to_be_visible()
    expect(page.get_by_role("cell", name="refused_by_model")).to_be_visible()
    page.screenshot(path=pictures / "replay_approval.png")
    assert statuses(run_id)["failed"] == failed
    page.get_by_role("button", name="Approve", exact=True).click()
    page.goto(f"{dag_run}/tasks/outcome")
    expect(page.get_by_text(f"{failed} replayed: {failed} recovered, 0 failed again").first).to_be_visible(timeout=120_000)
    assert statuses(run_id).keys() == {"answered"}
