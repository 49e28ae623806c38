"""What draws the stored HTML of a calibration. Apart from its page, which brings plotly."""

from functools import cache
from pathlib import Path

from streaming.figures import rates
from streaming.reports.stored_html import FRAME, digest

_HERE = Path(__file__).parent
PAGE = (*FRAME, *(_HERE / f"{name}.py" for name in ("page", "chart", "thresholds")), Path(rates.__file__))


@cache
def drawn_with() -> str:
    """A digest of what draws the report of a calibration."""
    return digest(PAGE)
