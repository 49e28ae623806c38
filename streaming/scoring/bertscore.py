"""BERTScore, as light as its name until it is loaded: who only names it, or sends it to a worker, has no torch."""

from collections.abc import Sequence
from importlib.metadata import version
from typing import TYPE_CHECKING, Self

from streaming.errors import UnscorablePair
from streaming.scoring.pair import Pair
from streaming.settings import Settings

if TYPE_CHECKING:
    from streaming.scoring.matching import Matcher


class BertScore:
    """F1 by greedy matching of the texts' tokens, in a transformer cut after a layer."""

    unit = "F1"
    range = (0.0, 1.0)

    def __init__(self, model: str, layers: int, cache_bytes: int) -> None:
        self._model = model
        self._layers = layers
        self._cache_bytes = cache_bytes
        self._matcher: Matcher | None = None

    @classmethod
    def configured(cls, settings: Settings, cache_bytes: int) -> Self:
        """The one that the settings name."""
        return cls(settings.scorer_model, settings.scorer_layers, cache_bytes)

    @property
    def name(self) -> str:
        """Model, layer, and the version whose figures these are."""
        return f"{self._model} layer {self._layers} bert_score {version('bert-score')}"

    def load(self) -> None:
        """Load the network, 1.3 GB with the model that ships. Raises ConfigurationError where there is no such model or layer."""
        from streaming.scoring.matching import Matcher
        from streaming.scoring.model import load

        self._matcher = Matcher(load(self._model, self._layers), self._cache_bytes)

    def score(self, pairs: Sequence[Pair]) -> list[float | UnscorablePair]:
        """F1 of each pair, in order, or why it has none. Raises errors of the model or of memory."""
        assert self._matcher is not None, "it is loaded before it scores"
        return self._matcher.score(pairs)
