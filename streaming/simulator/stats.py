"""What the simulator has seen: how often each prompt was asked, and what came of the calls."""

from collections import Counter, OrderedDict

from streaming.identity import normalise
from streaming.simulator.draw import uniform

PROMPTS_MOST = 200_000


class Askings:
    """How often each prompt was asked before, for the newest 200,000 prompts."""

    def __init__(self) -> None:
        self._counts: OrderedDict[float, int] = OrderedDict()

    def ask(self, prompt: str) -> int:
        """Count an asking; how many there were before it."""
        key = uniform("asking", prompt)
        before = self._counts.pop(key, 0)
        self._counts[key] = before + 1
        if len(self._counts) > PROMPTS_MOST:
            self._counts.popitem(last=False)
        return before


class Stats:
    """Calls by what came of them."""

    def __init__(self) -> None:
        self.calls = 0
        self.outcomes: Counter[str] = Counter()
        self.grades: Counter[str] = Counter()
        self.in_flight = 0
        self.max_in_flight = 0

    def begin(self) -> None:
        """A call came in."""
        self.calls += 1
        self.in_flight += 1
        self.max_in_flight = max(self.max_in_flight, self.in_flight)

    def end(self, outcome: str) -> None:
        """A call ended so."""
        self.in_flight -= 1
        self.outcomes[outcome] += 1


def prompt_key(prompt: str, model: str, configured: str) -> str:
    """What the draws of a prompt hang on: another model than the configured one has luck of its own."""
    return normalise(prompt) if model == configured else f"{model}\n{normalise(prompt)}"
