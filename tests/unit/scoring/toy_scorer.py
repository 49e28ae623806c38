"""Another scorer, as anybody would add one: this file, and a line where scorers are entered."""

from collections.abc import Sequence
from typing import Self

from streaming.errors import UnscorablePair
from streaming.scoring.pair import Pair
from streaming.settings import Settings


class SharedWords:
    """The share of an answer's and a reference's words that both have."""

    name, unit, range = "shared words 1", "share", (0.0, 1.0)

    def __init__(self) -> None:
        self.loaded = False

    @classmethod
    def configured(cls, settings: Settings, cache_bytes: int) -> Self:
        return cls()

    def load(self) -> None:
        self.loaded = True

    def score(self, pairs: Sequence[Pair]) -> list[float | UnscorablePair]:
        assert self.loaded
        return [_shared(set(pair.answer.lower().split()), set(pair.reference.lower().split())) for pair in pairs]


def _shared(answer: set[str], reference: set[str]) -> float | UnscorablePair:
    return len(answer & reference) / len(answer | reference) if answer and reference else UnscorablePair("a text has no words")
