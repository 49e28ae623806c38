"""What the stored HTML of a calibration was drawn with."""

from pathlib import Path

import grimp

from streaming.calibration.stored_html import PAGE, drawn_with
from streaming.reports import stored_html

ROOMS = ("streaming.calibration", "streaming.reports", "streaming.figures.rates")


def test_the_digest_covers_every_module_that_draws_the_page_and_no_other() -> None:
    page = "streaming.calibration.page"
    imported = grimp.build_graph("streaming", cache_dir=None).find_upstream_modules(page)
    drawing = {module for module in imported if module.startswith(ROOMS)} | {page}
    assert {file for file in PAGE if file.suffix == ".py"} == {Path(*module.split(".")).with_suffix(".py").resolve() for module in drawing}


def test_a_change_to_the_page_of_runs_leaves_a_calibration_as_it_was_drawn() -> None:
    assert drawn_with() != stored_html.drawn_with()
    assert set(PAGE) & set(stored_html.PAGE) == set(stored_html.FRAME)
