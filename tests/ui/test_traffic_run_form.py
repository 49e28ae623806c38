"""A user's way through Airflow's pages: log in, fill in the form of `traffic_run`, launch it, read its summary.

With UPDATE_SCREENSHOTS=1 the form's picture replaces the one in docs/images.
"""

import os
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from tests import stack

pytestmark = pytest.mark.ui

RUN_MS = 240_000


@pytest.fixture
def form(page: Page) -> Locator:
    """The trigger form of `traffic_run`, open."""
    stack.load_sample()
    stack.set_faults()
    page.goto(f"{os.environ['ANSWERLOOP_AIRFLOW_URL']}/dags/traffic_run")
    page.get_by_test_id("trigger-dag-button").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_text("Run Parameters")).to_be_visible()
    return dialog


def field(form: Locator, name: str) -> Locator:
    return form.locator(f"input[name=element_{name}]")


@pytest.mark.timeout(600)
def test_an_experiment_is_launched_from_its_form_and_its_summary_read(page: Page, form: Locator, pictures: Path) -> None:
    expect(form.get_by_text("The same seed gives the same times and questions.")).to_be_visible()
    page.set_viewport_size({"width": 1280, "height": 1560})
    form.screenshot(path=pictures / "traffic_run_form.png")
    field(form, "requests").fill("25")
    field(form, "rate").fill("12.5")
    form.get_by_role("button", name="Trigger", exact=True).click()
    page.wait_for_url("**/dags/traffic_run/runs/**")
    expect(page.get_by_text("Success", exact=True).first).to_be_visible(timeout=RUN_MS)

    page.goto(f"{page.url.split('?')[0].rstrip('/')}/tasks/summary")
    expect(page.get_by_text("(SIMULATED: no model was asked)").first).to_be_visible()
    expect(page.get_by_text("25 answered in the end").first).to_be_visible()
    plan = "SELECT state, plan->'requests', plan->'rate' FROM traffic_runs ORDER BY started_at DESC LIMIT 1"
    assert stack.sql(plan) == [("drained", 25, 12.5)]


@pytest.mark.timeout(300)
def test_the_form_takes_no_value_out_of_range(form: Locator) -> None:
    trigger = form.get_by_role("button", name="Trigger", exact=True)
    field(form, "requests").fill("0")
    field(form, "requests").blur()
    expect(field(form, "requests")).to_have_value("1")
    expect(trigger).to_be_enabled()
    field(form, "dataset").fill("")
    field(form, "dataset").blur()
    expect(trigger).to_be_disabled()
