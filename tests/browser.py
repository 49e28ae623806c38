"""A browser as tests drive it: what it may not do, what it must not meet, and the way in."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Frame, Page, sync_playwright

from tests import stack

# What Chromium needs in a container, and what keeps it from talking to anybody but Airflow.
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
# Every chart that is not folded away has its drawing, with something in it.
_ALL_DRAWN = """[...document.querySelectorAll('.plot')].filter((plot) => plot.offsetParent !== null).every((plot) =>
    plot.dataset.drawn === 'true' && plot.querySelector('.trace, .sankey, .bars, .scatterlayer') !== null)"""


@contextmanager
def chromium() -> Iterator[Browser]:
    """Closed at the end."""
    path = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    assert path, "no Chromium is installed: `make setup` installs it or says how"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        try:
            yield browser
        finally:
            browser.close()


def log_in(page: Page) -> None:
    """To Airflow of the running stack."""
    page.goto(os.environ["ANSWERLOOP_AIRFLOW_URL"])
    page.fill("input[name=username]", os.environ["ANSWERLOOP_AIRFLOW_USER"])
    page.fill("input[name=password]", os.environ["ANSWERLOOP_AIRFLOW_PASSWORD"])
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(lambda url: "login" not in url)


def until_drawn(page: Page) -> None:
    """Wait for the charts. Asked from outside the page: Playwright's own waiting needs `eval` in it, which the pages' policy forbids."""
    stack.until(lambda: bool(page.evaluate(_ALL_DRAWN)), f"the charts of {page.url} are drawn", 60)


class Complaints:
    """What a page must not cause: errors in its console, requests to other addresses. Listens from the moment it is made."""

    def __init__(self, page: Page) -> None:
        self.found: list[str] = []
        self._home = os.environ["ANSWERLOOP_AIRFLOW_URL"]
        page.on("console", lambda message: message.type == "error" and self.found.append(f"console: {message.text}"))
        page.on("pageerror", lambda error: self.found.append(f"error: {error}"))
        page.on("request", lambda request: self._check(request.url))

    def _check(self, url: str) -> None:
        if not url.startswith((self._home, "data:", "blob:", "about:")):
            self.found.append(f"request: {url}")


def inaccessible(page: Page | Frame) -> list[str]:
    """What axe finds wrong: the rule and the first element of each."""
    return [f"{each['id']}: {each['nodes'][0]['html'][:200]}" for each in Axe().run(page).response["violations"]]
