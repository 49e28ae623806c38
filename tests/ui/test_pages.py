"""The pages in the Airflow UI, in a browser: a run watched while it goes on, its report, two runs compared, the loop's health."""

import os
from pathlib import Path
from urllib.parse import quote

import httpx
import pytest
from fastapi.routing import APIRoute
from playwright.sync_api import BrowserContext, Frame, Page, expect

from answerloop_airflow.pages.addresses import from_connections
from answerloop_airflow.pages.app import PREFIX, pages
from answerloop_airflow.runs import traffic_run_id
from tests import airflow, stack
from tests.browser import Complaints, inaccessible, until_drawn

pytestmark = pytest.mark.ui

RUN_MS = 240_000
WIDTHS = (1280, 390)
SCHEMES = ("light", "dark")
MENU = "Answerloop"


def at(path: str) -> str:
    """The address of a page without Airflow's frame around it."""
    return f"{os.environ['ANSWERLOOP_AIRFLOW_URL']}{PREFIX}{path}"


@pytest.fixture(scope="module")
def two_runs() -> tuple[str, str]:
    """Ids of two traffic runs that have ended."""
    stack.load_sample()
    stack.set_faults()
    logged_in = airflow.api()
    started = [logged_in.trigger("traffic_run", {"requests": 20, "rate": rate}) for rate in (10.0, 20.0)]
    for dag_run in started:
        airflow.succeeded(logged_in, "traffic_run", dag_run)
    return traffic_run_id(started[0]), traffic_run_id(started[1])


@pytest.fixture(scope="module")
def reported(two_runs: tuple[str, str]) -> str:
    """A run that has its report: the DAG `run_report` follows on every run."""
    query = "SELECT 1 FROM metric_reports WHERE kind = 'run' AND subject = %s"
    stack.until(lambda: bool(stack.sql(query, two_runs[0])), "the run's report is stored", 240)
    return two_runs[0]


def framed(page: Page, title: str) -> Frame:
    """The page within Airflow's."""
    frame = page.locator(f"iframe[title='{title}']").element_handle().content_frame()
    assert frame is not None
    return frame


def routes() -> list[str]:
    app = pages(lambda: None, from_connections)
    return [route.path.replace("{version}", "x").replace("{name}", "pages.css") for route in app.routes if isinstance(route, APIRoute)]


def test_every_page_is_refused_to_the_anonymous_and_to_whoever_makes_up_a_token() -> None:
    assert "/health" in routes()
    for path in routes():
        assert httpx.get(at(path)).status_code == 401, path
        assert httpx.get(at(path), cookies={"_token": "made.up.token"}).status_code in (401, 403), path


@pytest.mark.timeout(600)
def test_a_run_moves_without_a_reload_until_it_has_ended(page: Page, tmp_path: Path) -> None:
    stack.load_sample()
    stack.set_faults()
    logged_in = airflow.api()
    complaints = Complaints(page)
    page.goto(f"{os.environ['ANSWERLOOP_AIRFLOW_URL']}/plugin/answerloop")
    expect(page.frame_locator(f"iframe[title='{MENU}']").get_by_role("heading", name="Runs", exact=True)).to_be_visible()
    frame = framed(page, MENU)
    frame.evaluate("window.loadedOnce = true")

    dag_run = logged_in.trigger("traffic_run", {"requests": 80, "rate": 6.0})
    run_id = traffic_run_id(dag_run)
    card = frame.locator(".card", has_text=run_id)
    expect(card).to_be_visible()
    answered = card.locator("span", has_text="answered").locator("b")
    expect(answered).not_to_have_text("0")
    before = int(answered.inner_text().replace(",", ""))
    page.screenshot(path=tmp_path / "pages_runs.png")
    stack.until(lambda: not card.count() or int(answered.inner_text().replace(",", "")) > before, "more is answered on the page", 60)

    ended = frame.locator("tr", has_text=run_id)
    expect(ended).to_be_visible(timeout=RUN_MS)
    expect(card).to_have_count(0)
    assert frame.evaluate("window.loadedOnce"), "the page was loaded again"
    assert complaints.found == []


@pytest.mark.timeout(600)
def test_beside_its_dag_run_a_run_is_followed_to_its_report(page: Page, tmp_path: Path) -> None:
    stack.load_sample()
    stack.set_faults()
    logged_in = airflow.api()
    complaints = Complaints(page)
    dag_run = logged_in.trigger("traffic_run", {"requests": 40, "rate": 5.0})
    page.goto(f"{os.environ['ANSWERLOOP_AIRFLOW_URL']}/dags/traffic_run/runs/{quote(dag_run)}/plugin/answerloop-experiment")
    inside = page.frame_locator("iframe[title='Experiment']")
    expect(inside.get_by_role("heading", name=traffic_run_id(dag_run))).to_be_visible()
    expect(inside.get_by_text("Where the rest is")).to_be_visible()
    expect(inside.locator("dl div", has_text="Answered").locator("dd")).not_to_have_text("0")
    page.screenshot(path=tmp_path / "pages_run_live.png")
    expect(inside.get_by_text("drained").first).to_be_visible(timeout=RUN_MS)
    expect(inside.get_by_text("Requests", exact=True).first).to_be_visible()
    assert complaints.found == []


def test_a_dag_run_of_another_dag_says_that_it_sends_no_traffic(page: Page) -> None:
    page.goto(at("/dag-run?dag_id=provision&run_id=whatever"))
    expect(page.get_by_text("send no traffic")).to_be_visible()


@pytest.mark.timeout(600)
def test_a_report_is_drawn_on_the_page_of_its_run(page: Page, reported: str, tmp_path: Path) -> None:
    complaints = Complaints(page)
    page.goto(at(f"/run?id={quote(reported)}"))
    expect(page.get_by_role("heading", name="Quality")).to_be_visible()
    until_drawn(page)
    assert page.locator(".plot .main-svg").count() > 3
    page.screenshot(path=tmp_path / "pages_run.png")
    with page.expect_download() as download:
        page.get_by_role("link", name="figures.json").click()
    assert download.value.suggested_filename == "figures.json"
    assert complaints.found == []


@pytest.mark.timeout(600)
def test_two_runs_are_compared_from_the_page_of_one(page: Page, two_runs: tuple[str, str], tmp_path: Path) -> None:
    page.goto(at(f"/run?id={quote(two_runs[0])}"))
    page.get_by_label("Compare with").select_option(two_runs[1])
    page.get_by_role("button", name="Compare").click()
    expect(page.get_by_role("heading", name="Two runs compared")).to_be_visible()
    rate = page.get_by_role("row", name="rate 10.0 20.0")
    expect(rate.get_by_text("differs")).to_be_visible()
    page.screenshot(path=tmp_path / "pages_compare.png")


def test_health_names_every_component_and_the_newest_checkpoint(page: Page, tmp_path: Path) -> None:
    page.goto(at("/health"))
    for name in ("postgresql", "kafka", "redis", "model server", "flink score job", "llm_consumer_service", "storage_persister", "sampler"):
        expect(page.get_by_role("row", name=f"{name} up")).to_be_visible()
    expect(page.get_by_text("Newest checkpoint:")).to_be_visible()
    expect(page.get_by_text("open", exact=True)).to_be_visible()
    page.screenshot(path=tmp_path / "pages_health.png")


def test_what_does_not_exist_is_told_and_airflow_goes_on(page: Page) -> None:
    for path, sentence in {
        "/run?id=nobody": "There is no run 'nobody'",
        "/compare?left=nobody&right=nobody": "There is no run 'nobody'",
        "/runs?before=never": "holds a value that cannot be used: before",
        "/nowhere": "There is no such page",
    }.items():
        page.goto(at(path))
        expect(page.get_by_role("alert")).to_contain_text(sentence)
        assert "Traceback" not in page.content()
    assert airflow.api().dags()


@pytest.mark.timeout(600)
@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("scheme", SCHEMES)
def test_every_page_is_accessible_and_fits_in_both_schemes(
    session: BrowserContext, two_runs: tuple[str, str], reported: str, tmp_path: Path, scheme: str, width: int
) -> None:
    page = session.new_page()
    page.set_viewport_size({"width": width, "height": 900})
    page.add_init_script(f"localStorage.setItem('theme', '{scheme}')")
    left, right = map(quote, two_runs)
    for name, path in {
        "runs": "/runs",
        "run": f"/run?id={quote(reported)}",
        "compare": f"/compare?left={left}&right={right}",
        "health": "/health",
        "missing": "/run?id=nobody",
    }.items():
        page.goto(at(path))
        until_drawn(page)
        assert page.evaluate("document.documentElement.dataset.scheme") == scheme
        assert page.evaluate("document.documentElement.scrollWidth") <= width, path
        page.screenshot(path=tmp_path / f"{name}_{scheme}_{width}.png")
        assert inaccessible(page) == [], path
    page.close()


def test_the_pages_follow_airflows_switch_between_light_and_dark(page: Page) -> None:
    page.goto(f"{os.environ['ANSWERLOOP_AIRFLOW_URL']}/plugin/answerloop")
    html = page.frame_locator(f"iframe[title='{MENU}']").locator("html")
    expect(html).to_have_attribute("data-scheme", "light")
    page.evaluate("localStorage.setItem('theme', 'dark')")
    expect(html).to_have_attribute("data-scheme", "dark")
    page.evaluate("localStorage.setItem('theme', 'light')")
    expect(html).to_have_attribute("data-scheme", "light")


@pytest.mark.timeout(600)
def test_the_pages_can_be_gone_through_by_keyboard(page: Page, two_runs: tuple[str, str]) -> None:
    page.goto(at("/runs"))
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="To the content")).to_be_focused()
    page.keyboard.press("Tab")
    expect(page.get_by_role("navigation").get_by_role("link", name="Runs")).to_be_focused()
    page.get_by_role("link", name=two_runs[1]).focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name=two_runs[1])).to_be_visible()


def test_a_link_out_of_the_frame_leads_airflow_itself_there(page: Page) -> None:
    page.goto(f"{os.environ['ANSWERLOOP_AIRFLOW_URL']}/plugin/answerloop")
    expect(page.frame_locator(f"iframe[title='{MENU}']").get_by_role("heading", name="Runs", exact=True)).to_be_visible()
    frame = framed(page, MENU)
    frame.evaluate(
        """() => { const link = document.createElement('a'); link.href = '/dags/provision'; link.dataset.airflow = '';
                   link.textContent = 'out'; document.querySelector('main').append(link); }"""
    )
    frame.get_by_role("link", name="out").click()
    page.wait_for_url("**/dags/provision**")
