"""The lineage dataset -> run -> report, as Airflow draws it on an asset's page.

With UPDATE_SCREENSHOTS=1 the page's picture replaces the one in docs/images.
"""

import os
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

pytestmark = [pytest.mark.ui, pytest.mark.timeout(300)]

# From left to right, as the graph writes them: a task above its DAG.
THE_WAY = (
    ("load", "load_questions"),
    ("answerloop_datasets",),
    ("summary", "traffic_run"),
    ("answerloop_runs",),
    ("report", "run_report"),
    ("answerloop_reports",),
)


def test_an_assets_page_draws_the_way_from_dataset_to_report(page: Page, pictures: Path) -> None:
    page.set_viewport_size({"width": 1500, "height": 760})
    page.goto(f"{os.environ['ANSWERLOOP_AIRFLOW_URL']}/assets")
    page.get_by_role("link", name="answerloop_runs").first.click()
    page.get_by_role("button", name="Task Dependencies").click()
    graph = page.get_by_test_id("rf__wrapper")
    expect(graph.get_by_text("answerloop_datasets", exact=True)).to_be_visible()
    # What lies outside of the window is not drawn.
    graph.get_by_role("button", name="Fit View").click()
    places = []
    for words in THE_WAY:
        node = graph.locator(".react-flow__node")
        for word in words:
            node = node.filter(has=page.get_by_text(word, exact=True))
        expect(node).to_be_visible()
        box = node.bounding_box()
        assert box is not None
        places.append(box["x"])
    assert places == sorted(places)
    page.screenshot(path=pictures / "lineage.png")
