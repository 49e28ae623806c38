"""docs/development.md sends people to places that exist."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
GUIDE = (ROOT / "docs" / "development.md").read_text()
PLACES = sorted(set(re.findall(r"(?:[\w.-]+/)+[\w.-]*|docker-compose\.yaml", " ".join(re.findall(r"`([^`\n]+)`", GUIDE)))))


@pytest.mark.parametrize("place", PLACES)
def test_every_place_that_the_guide_names_is_there(place: str) -> None:
    assert (ROOT / place).exists()
