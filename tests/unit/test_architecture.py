"""docs/architecture.md says what the linter holds, and what Flink writes."""

import re
import tomllib
from pathlib import Path

import pytest

from flink.tables import SENT_TO

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "architecture.md").read_text()
LINTER = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
LAYERED = {each["name"]: each["layers"] for each in LINTER["contracts"] if each["type"] == "layers"}
SHOWN = [block.splitlines() for block in re.findall(r"```\n(.*?)\n```", PAGE, re.DOTALL)]


@pytest.mark.parametrize("name", LAYERED)
def test_the_layers_that_the_linter_holds_are_shown_word_for_word(name: str) -> None:
    assert LAYERED[name] in SHOWN


def test_no_layer_is_shown_that_the_linter_does_not_hold() -> None:
    assert [block for block in SHOWN if block not in LAYERED.values()] == []


@pytest.mark.parametrize("name", LAYERED)
def test_siblings_do_not_import_each_other(name: str) -> None:
    assert not any(re.search(r"[:()]", layer) for layer in LAYERED[name])


def test_the_score_job_may_import_scoring_ops_flink_rest_and_the_floors_below_them() -> None:
    rule = "the score job (`flink`) imports `scoring`, `ops`, `flink_rest` and what lies on the floors below these, nothing else."
    assert f"Of `streaming`, {rule}" in PAGE
    floors = [layer.split(" | ") for layer in LAYERED["Dependencies of the loop point one way"]]
    (floor,) = [index for index, layer in enumerate(floors) if "scoring" in layer]
    above = {module for layer in floors[: floor + 1] for module in layer} - {"scoring", "ops", "flink_rest"}
    (forbidden,) = [each["forbidden_modules"] for each in LINTER["contracts"] if each.get("source_modules") == ["flink"]]
    assert set(forbidden) == {f"streaming.{module}" for module in above}


def test_every_topic_that_the_score_job_writes_is_named() -> None:
    (row,) = re.findall(r"^\| `flink_score_job` \|[^|]*\|([^|]*)\|", PAGE, re.MULTILINE)
    assert set(re.findall(r"`([^`]+)`", row)) == set(SENT_TO)
