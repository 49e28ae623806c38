"""A browser that is logged in to Airflow of the running stack, shared by the tests of the pages."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from answerloop_airflow.pages.app import PREFIX
from tests import airflow, stack
from tests.browser import chromium, log_in

PATIENCE_MS = 60_000


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        expect.set_options(timeout=PATIENCE_MS)
        yield browser


@pytest.fixture(scope="module")
def session(browser: Browser) -> BrowserContext:
    """Logged in."""
    airflow.api()
    context = browser.new_context()
    context.set_default_timeout(PATIENCE_MS)
    page = context.new_page()
    log_in(page)
    page.close()
    return context


@pytest.fixture
def page(session: BrowserContext) -> Iterator[Page]:
    page = session.new_page()
    page.set_viewport_size({"width": 1280, "height": 900})
    # The session keeps the scheme that a test before left. An icon is the page of the origin that loads soonest.
    page.goto(f"{os.environ['ANSWERLOOP_AIRFLOW_URL']}{PREFIX}/static/any/icon.svg")
    page.evaluate("localStorage.setItem('theme', 'light')")
    yield page
    page.close()


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """Where the documentation's pictures go: with UPDATE_SCREENSHOTS=1 into docs/images, otherwise where nobody minds them."""
    return stack.ROOT / "docs" / "images" if os.environ.get("UPDATE_SCREENSHOTS") else tmp_path
