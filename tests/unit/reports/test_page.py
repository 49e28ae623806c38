"""The page of a report: complete, closed, and honest about the simulator."""

import base64
import hashlib
import json
import re
from itertools import pairwise
from pathlib import Path

import msgspec
import pytest

from streaming.figures.scope import Kind
from streaming.figures.values import Report
from streaming.reports import frame, page
from streaming.reports.folder import write
from tests.example_report import RUN, day_report, empty_report, run_report

EVIL = "</script><script>alert(1)</script><img src=x onerror=alert(2)>"


def own(html: str) -> str:
    """The page without the library's source text."""
    assert html.count(frame.library()) == 1
    return html.replace(frame.library(), "")


def figure(html: str, slug: str):
    found = re.search(rf'<script type="application/json" id="{slug}-figure">(.*?)</script>', html, re.DOTALL)
    assert found is not None
    return json.loads(found[1])


def test_a_simulated_model_is_named_as_such_in_title_and_page() -> None:
    html = own(page.render(run_report()))
    assert re.search(r"<title>[^<]*\(simulated\)", html)
    assert "<strong>SIMULATED</strong>" in html
    assert "SIMULATED" not in own(page.render(run_report(simulated=False)))


def test_a_day_with_one_simulated_run_is_simulated() -> None:
    real = run_report(simulated=False)
    assert "<strong>SIMULATED</strong>" in page.body(msgspec.structs.replace(real, runs=[run_report().figures]))


def test_no_address_outside_the_page_is_in_what_is_written_here() -> None:
    html = own(page.render(day_report(), [day_report(21)]))
    assert not re.search(r"\w+://|[\"'(]//\w|@import|url\(", html)
    assert re.findall(r'(?:src|href)="([^"]*)"', html) == [
        "data:,",
        "metrics.csv",
        "score_distribution.csv",
        "latency_distribution.csv",
        "series_over_time.csv",
        "series_lag.csv",
        "flows.csv",
        "figures.json",
    ]


def test_the_page_allows_its_own_two_scripts_and_no_request() -> None:
    html = page.render(run_report())
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', html)
    assert policy is not None
    said = policy[1].replace("&#39;", "'")
    assert said.startswith("default-src 'none'; img-src data: blob:; style-src 'unsafe-inline'; script-src 'sha256-")
    scripts = re.findall(r"<script>(.*?)</script>", html, re.DOTALL)
    hashes = [base64.b64encode(hashlib.sha256(each.encode()).digest()).decode() for each in scripts]
    assert re.findall(r"'sha256-([^']*)'", said) == hashes
    assert len(hashes) == 2


def test_text_from_outside_stays_text() -> None:
    report = run_report()
    figures = report.figures
    report = msgspec.structs.replace(
        report,
        figures=msgspec.structs.replace(
            figures,
            scope=msgspec.structs.replace(figures.scope, subject=EVIL, dataset=EVIL, models={EVIL: 1}, state=EVIL),
            whole=msgspec.structs.replace(
                figures.whole,
                failures={EVIL: 3},
                flows=[msgspec.structs.replace(figures.whole.flows[0], target=EVIL)],
                services=[msgspec.structs.replace(figures.whole.services[0], service=EVIL)],
            ),
            model=msgspec.structs.replace(figures.model, errors={EVIL: 3}),
        ),
        runs=[msgspec.structs.replace(figures, scope=msgspec.structs.replace(figures.scope, subject=EVIL))],
    )
    html = own(page.render(report))
    assert "alert(1)" in html
    assert "<img" not in html
    assert "<script>alert" not in html
    assert html.count("<script") == html.count("</script>") == 2 + len(re.findall('class="plot"', html))
    assert figure(html, "failures")["data"][0]["y"][0].startswith("&lt;/script&gt;")


def test_an_empty_day_says_that_nothing_happened_and_draws_nothing() -> None:
    html = own(page.render(empty_report()))
    assert "Nothing happened" in html
    assert "No question was asked and no model was called on this day (2026-11-21 00:00 to 2026-11-22 00:00 UTC)." in html
    assert 'class="plot"' not in html
    assert 'class="tile"' not in html


def test_an_empty_run_says_so_too() -> None:
    assert "in this run" in page.body(empty_report(Kind.RUN))


def test_headings_are_in_order_and_ids_are_unique() -> None:
    html = own(page.render(day_report(), [day_report(21)]))
    levels = [int(each) for each in re.findall(r"<h(\d)", html)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))
    ids = re.findall(r' id="([^"]*)"', html)
    assert len(ids) == len(set(ids))


def test_every_chart_has_its_sentence_as_caption_and_as_label() -> None:
    html = own(page.render(day_report(), [day_report(21)]))
    plots = re.findall(r'class="plot" role="img" aria-label="([^"]*)"', html)
    captions = re.findall(r"<figcaption>(.*?)</figcaption>", html)
    assert len(plots) == len(captions) == 10
    assert all(label.endswith(caption) for label, caption in zip(plots, captions, strict=True))


def test_every_colour_of_a_figure_is_one_of_the_style_sheet_in_both_schemes() -> None:
    html = own(page.render(day_report(), [day_report(21)]))
    style = frame.style()
    named = set(re.findall(r"var\((--[\w-]+)\)", html.replace(frame.script(), "")))
    assert len(named) > 10
    for name in named:
        assert f"{name}: light-dark(" in style, name
    for figures in re.findall(r'<script type="application/json"[^>]*>(.*?)</script>', html, re.DOTALL):
        assert not re.search(r'"(#[0-9a-fA-F]{3,8}|rgba?\([^"]*)"', figures)


def test_the_threshold_is_quoted_with_what_it_accepts() -> None:
    html = page.body(run_report())
    assert "0.75 accepts under 0.1 % of unrelated answers with this scorer and refuses 21.4 % of matched ones" in html
    without = page.body(Report(run_report().figures))
    assert "No calibration of the scorer in use says what its threshold accepts wrongly." in without


def test_a_day_shows_its_runs_side_by_side_and_each_by_itself() -> None:
    html = page.body(day_report())
    assert "Runs of the day" in html
    assert f"All figures of {RUN.replace('+', '&#43;')}" in html or f"All figures of {RUN}" in html
    assert "The days before" not in html
    assert "The days before" in page.body(day_report(), [day_report(21)])


def test_a_fragment_is_for_a_page_that_brings_the_library() -> None:
    html = page.body(run_report(), files="/reports/run/x/")
    assert "<html" not in html
    assert "<h1>" in html
    assert frame.library() not in html
    assert html.count("<script") == html.count('<script type="application/json"')
    assert 'href="/reports/run/x/metrics.csv"' in html


def test_a_written_report_is_replaced_as_a_whole(tmp_path: Path) -> None:
    folder = tmp_path / "runs" / "run-1"
    assert write(empty_report(Kind.RUN), folder) == folder / "index.html"
    write(run_report(), folder)
    assert (folder / "index.html").read_text() == page.render(run_report())
    read = msgspec.json.decode((folder / "figures.json").read_bytes(), type=Report)
    assert read.figures.whole.flows == run_report().figures.whole.flows
    assert read.figures.scope == run_report().figures.scope
    assert {each.name for each in folder.iterdir()} == {"index.html", *(name for name, _ in page.page(run_report()).files)}


@pytest.mark.parametrize("text", ["</script>", "<!--", "a&b", "\u2028", '"'])
def test_json_in_a_script_element_cannot_end_it(text: str) -> None:
    written = frame.safe_json({"text": text})
    assert not re.search("[<>&\u2028]", written)
    assert json.loads(written) == {"text": text}
