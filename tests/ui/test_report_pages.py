"""A report in a browser, from disk: drawn, closed to the outside, and accessible, in both schemes and on a phone."""

from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from streaming.reports.folder import write
from tests import stack
from tests.browser import inaccessible, until_drawn
from tests.example_report import day_report, empty_report, run_report

pytestmark = pytest.mark.ui

PATIENCE_MS = 60_000
WIDTHS = (1280, 390)
SCHEMES = ("light", "dark")


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """index.html of each example."""
    folder = tmp_path_factory.mktemp("reports")
    days = [day_report(day) for day in (15, 16, 18, 19, 20)]
    return {
        "run": write(run_report(), folder / "run"),
        "day": write(day_report(), folder / "day", [*days, empty_report()]),
        "empty": write(empty_report(), folder / "empty"),
    }


class Opened:
    """A page with what it asked for and complained about."""

    def __init__(self, browser: Browser, file: Path, scheme: str, width: int) -> None:
        self.page: Page = browser.new_page(viewport={"width": width, "height": 1400}, color_scheme=scheme)  # type: ignore[arg-type]
        self.page.set_default_timeout(PATIENCE_MS)
        self.requests: list[str] = []
        self.complaints: list[str] = []
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.on("console", lambda message: self.complaints.append(message.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.goto(file.as_uri())
        until_drawn(self.page)


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize(("name", "charts"), [("run", 9), ("day", 10), ("empty", 0)])
def test_a_report_opens_from_disk_draws_all_its_charts_asks_nobody_and_is_accessible(
    browser: Browser, written: dict[str, Path], name: str, charts: int, scheme: str, width: int
) -> None:
    opened = Opened(browser, written[name], scheme, width)
    assert opened.page.locator(".plot[data-drawn=true] .main-svg").count() >= charts
    assert opened.page.locator(".plot").count() == charts
    assert opened.page.evaluate("document.documentElement.scrollWidth") == width
    assert [url for url in opened.requests if url != written[name].as_uri() and not url.startswith("data:")] == []
    assert opened.complaints == []
    opened.page.evaluate("document.querySelectorAll('details').forEach((each) => { each.open = true; })")
    assert inaccessible(opened.page) == []
    opened.page.close()


def test_the_charts_follow_the_scheme_while_the_page_is_open(browser: Browser, written: dict[str, Path]) -> None:
    opened = Opened(browser, written["run"], "light", 1280)

    def white() -> bool:
        return bool(opened.page.evaluate("document.querySelector('.plot').layout.paper_bgcolor === 'rgb(255, 255, 255)'"))

    assert white()
    opened.page.emulate_media(color_scheme="dark")
    stack.until(lambda: not white(), "the charts turn dark", 60)
    opened.page.evaluate("dispatchEvent(new Event('beforeprint'))")
    stack.until(white, "the charts are white on paper", 60)
    opened.page.evaluate("dispatchEvent(new Event('afterprint'))")
    stack.until(lambda: not white(), "the charts turn dark again", 60)
    opened.page.close()


# Boxes of a chart's texts that lie outside their drawing, or over one another.
MISPLACED = """() => [...document.querySelectorAll('.plot')].flatMap((plot) => {
    const drawing = plot.querySelector('.main-svg').getBoundingClientRect();
    const lines = [...plot.querySelectorAll('text')].flatMap((text) => text.querySelector('tspan') ? [...text.children] : [text]);
    const texts = lines.filter((text) => text.textContent.trim() && text.getBoundingClientRect().width > 0);
    const boxes = texts.map((text) => [text.textContent, text.getBoundingClientRect()]);
    const outside = boxes.filter(([, box]) =>
        box.left < drawing.left - 1 || box.right > drawing.right + 1 || box.bottom > drawing.bottom + 1);
    const over = boxes.flatMap(([one, a], index) => boxes.slice(index + 1).filter(([, b]) =>
        Math.min(a.right, b.right) - Math.max(a.left, b.left) > 2 && Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top) > 4
    ).map(([other]) => `${one} / ${other}`));
    return [...outside.map(([text]) => `outside: ${text}`), ...over.map((pair) => `over: ${pair}`)];
})"""


@pytest.mark.parametrize("width", WIDTHS)
def test_no_text_of_a_chart_is_cut_off_or_lies_over_another(browser: Browser, written: dict[str, Path], width: int) -> None:
    opened = Opened(browser, written["day"], "light", width)
    assert opened.page.evaluate(MISPLACED) == []
    opened.page.close()
