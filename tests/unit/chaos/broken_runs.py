"""Good runs, each broken in one place."""

from collections.abc import Callable

from tests.chaos.evidence import Evidence
from tests.chaos.invariants import Invariant

Break = Callable[[Evidence], Evidence]


class BrokenRuns:
    """What is done to a good run, in words, and the invariant that must notice."""

    def __init__(self) -> None:
        self.all: list[tuple[str, Invariant, Break]] = []

    def __call__(self, sentence: str, invariant: Invariant) -> Callable[[Break], Break]:
        """Add a run that is broken so."""

        def add(change: Break) -> Break:
            self.all.append((sentence, invariant, change))
            return change

        return add
