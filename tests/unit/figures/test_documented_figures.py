"""docs/reports.md names every figure and every query."""

import re
from pathlib import Path

import msgspec
import pytest

from streaming.figures import buckets, run_summary, values
from streaming.figures.queries import SQL

PAGE = (Path(__file__).parents[3] / "docs" / "reports.md").read_text()
# Names stand between backticks; a drawing in a fence has none.
NAMED = set(re.findall(r"[\w.]+", " ".join(re.findall(r"`([^`]+)`", re.sub(r"```.*?```", "", PAGE, flags=re.DOTALL)))))

# Shapes that hold values only: a chart's axes and the ends of a flow.
DRAWN = (buckets.Series, buckets.Histogram)
STRUCTS = [
    struct
    for module in (values, run_summary)
    for struct in vars(module).values()
    if isinstance(struct, type)
    and issubclass(struct, msgspec.Struct)
    and struct is not msgspec.Struct
    and struct not in DRAWN
    # Of a run's summary alone; a report has their figures in its own parts.
    and struct not in (run_summary.RunSummary, run_summary.Requests, run_summary.Attempts)
]


@pytest.mark.parametrize("struct", sorted(set(STRUCTS), key=lambda each: each.__name__), ids=lambda each: each.__name__)
def test_every_figure_is_explained(struct: type[msgspec.Struct]) -> None:
    assert set(struct.__struct_fields__) - NAMED == set()


def test_every_query_is_named_and_every_named_one_exists() -> None:
    assert {each for each in NAMED if each.endswith(".sql")} == {path.name for path in SQL.glob("*.sql")}
