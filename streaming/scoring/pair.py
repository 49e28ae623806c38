"""What is scored. Apart from the scorer, so that who only names a pair does not load torch."""

from typing import NamedTuple


class Pair(NamedTuple):
    """An answer and the human reference that it is measured against."""

    answer: str
    reference: str
