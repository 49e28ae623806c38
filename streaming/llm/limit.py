"""How many model calls may be under way: found by additive increase and multiplicative decrease, after a quick start.

A warm Ollama never says that it is busy: what exceeds its slots waits inside it without bound. So the time that calls waited there counts
as congestion too. The aim is a little more in flight than the model has slots: none of them idle, and a short queue.
"""

DECREASE_ON_OVERLOAD = 0.7
DECREASE_ON_WAIT = 0.9
# Mean wait as a share of the mean time at work: grow below the first, shrink above the second.
SHORT_WAIT, LONG_WAIT = 0.5, 1.25
# Waits shorter than this say more about clocks and networks than about a queue.
NEGLIGIBLE_WAIT_S = 0.05
SMOOTHING = 0.1
# Per call, until the first sign of congestion: half as much again each round, where a slow model would take minutes by ones.
QUICK_START = 0.5


class InFlightLimit:
    """Counts what is under way and moves the limit between 1 and `most`.

    A decrease holds until a call that was begun after it has ended: the calls under way then met the old limit's queue.
    """

    def __init__(self, start: int, most: int) -> None:
        self._most = most
        self._limit = float(min(start, most))
        self._begun = 0
        self._begun_at_decrease = 0
        self._starting = True
        self._wait_s: float | None = None
        self._service_s: float | None = None
        self.in_flight = 0

    @property
    def limit(self) -> int:
        """How many calls may be under way."""
        return int(self._limit)

    def begin(self) -> int:
        """A call begins; the ticket is handed back when it ends."""
        self._begun += 1
        self.in_flight += 1
        return self._begun

    def end(
        self, ticket: int, *, answered: bool = False, overloaded: bool = False, wait_s: float | None = None, service_s: float | None = None
    ) -> None:
        """A call ended. `wait_s`, `service_s`: the server's account of an answer, None where it gives none.

        What is neither an answer nor an overload says nothing of the load, and leaves the limit where it is.
        """
        was_full = self.in_flight >= self.limit
        self.in_flight -= 1
        if ticket <= self._begun_at_decrease:
            return
        if overloaded:
            self._decrease(DECREASE_ON_OVERLOAD)
            return
        if not answered:
            return
        if wait_s is not None and service_s is not None:
            self._wait_s = _smoothed(self._wait_s, wait_s)
            self._service_s = _smoothed(self._service_s, service_s)
        queue = self._queue()
        if queue >= SHORT_WAIT:
            self._starting = False
        if queue > LONG_WAIT:
            self._decrease(DECREASE_ON_WAIT)
        elif was_full and queue < SHORT_WAIT:
            self._limit = min(self._limit + (QUICK_START if self._starting else 1 / self._limit), float(self._most))

    def _queue(self) -> float:
        """Mean wait over mean time at work."""
        if self._wait_s is None or self._service_s is None or self._wait_s < NEGLIGIBLE_WAIT_S:
            return 0.0
        return self._wait_s / max(self._service_s, 1e-9)

    def _decrease(self, factor: float) -> None:
        self._starting = False
        self._limit = max(self._limit * factor, 1.0)
        self._begun_at_decrease = self._begun
        self._wait_s = self._service_s = None


def _smoothed(mean: float | None, value: float) -> float:
    return value if mean is None else mean + SMOOTHING * (value - mean)
