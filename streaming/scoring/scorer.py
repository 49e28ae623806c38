"""What the loop asks of a scorer."""

from collections.abc import Sequence
from typing import Protocol

from streaming.errors import UnscorablePair
from streaming.scoring.pair import Pair


class Scorer(Protocol):
    """Scores pairs. Cheap to make and to send to another process; heavy once it is loaded. Not safe for threads."""

    @property
    def name(self) -> str:
        """What is recorded beside each score: scores of different names cannot be compared."""

    @property
    def unit(self) -> str:
        """What its scores are, "F1"."""

    @property
    def range(self) -> tuple[float, float]:
        """The lowest and the highest score, within the -1.5 to 1.5 that messages carry."""

    def load(self) -> None:
        """Bring what it scores with into this process. Raises ConfigurationError where that is not to be had."""

    def score(self, pairs: Sequence[Pair]) -> list[float | UnscorablePair]:
        """The score of each pair, in order, or why it has none. Raises what is not a pair's fault."""
