"""The HTML of a report that is stored, and what it was drawn with."""

from pathlib import Path

import grimp
import msgspec

from streaming.reports.page import body
from streaming.reports.stored_html import FILES, PAGE, digest, drawn_with, with_files
from tests.example_report import run_report

HOSTILE = f'<a href="{FILES}x">'


def test_the_links_of_a_kept_body_lead_to_where_its_files_are() -> None:
    shown = with_files(body(run_report(), (), FILES), '/here/files/run/a%20b/"')
    assert 'href="/here/files/run/a%20b/&#34;figures.json"' in shown
    assert FILES not in shown


def test_no_text_of_a_report_becomes_a_link() -> None:
    report = run_report()
    figures = msgspec.structs.replace(report.figures, scope=msgspec.structs.replace(report.figures.scope, subject=HOSTILE))
    failures = {HOSTILE: 3}
    hostile = msgspec.structs.replace(figures, whole=msgspec.structs.replace(figures.whole, failures=failures))
    kept = body(msgspec.structs.replace(report, figures=hostile), (), FILES)
    links = body(report, (), FILES).count(f'href="{FILES}')
    assert kept.count(FILES) > links
    assert kept.count(f'href="{FILES}') == links


def test_the_digest_of_what_draws_is_short_and_the_same_every_time() -> None:
    first = drawn_with()
    drawn_with.cache_clear()
    assert drawn_with() == first
    assert len(first) == 16


def test_the_digest_changes_with_what_draws(tmp_path: Path) -> None:
    code = tmp_path / "page.py"
    code.write_text("one")
    before = digest([code])
    code.write_text("another")
    assert digest([code]) != before


def test_the_digest_covers_every_module_that_draws_the_page_and_no_other() -> None:
    page = "streaming.reports.page"
    imported = grimp.build_graph("streaming", cache_dir=None).find_upstream_modules(page)
    drawing = {module for module in imported if module.startswith("streaming.reports")} | {page}
    assert {file for file in PAGE if file.suffix == ".py"} == {Path(*module.split(".")).with_suffix(".py").resolve() for module in drawing}


def test_the_digest_covers_the_template_of_the_stored_html() -> None:
    assert [file.name for file in PAGE if file.suffix == ".html"] == ["article.html"]
