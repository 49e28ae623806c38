"""The map of a package, in its `__init__.py`, leads to modules that are there, and is short."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MAPS = [file for file in sorted((ROOT / "streaming").rglob("__init__.py")) if file.read_text().startswith('"""')]


@pytest.mark.parametrize("file", MAPS, ids=lambda file: file.parent.name)
def test_a_map_is_short_and_names_what_is_there(file: Path) -> None:
    text = file.read_text()
    assert len(text.splitlines()) <= 10
    for name in re.findall(r"`(\w+)`", text):
        assert (file.parent / f"{name}.py").exists() or (file.parent / name / "__init__.py").exists(), name
