"""When an error's time is up, in seconds that pass: whoever sets the wall clock, no retry is early and none hangs."""

from datetime import datetime, timedelta

from streaming.clock import Clock
from streaming.contracts import Retryable
from streaming.retries import rules
from streaming.retries.rules import Rule


class Reckoning:
    """Turns due times, which are told by the wall clocks of several services, into moments of this process's monotonic clock.

    An error's timestamp may come from before the wall clock was set or from after it. So the present is taken to be what the wall clock
    would say by the earliest of its settings seen since the start: no error seems older than it is. One that seems younger waits longer,
    at most its whole delay from now.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._zero = self._wall_at_zero()

    def look(self) -> None:
        """Notice how the wall clock is set; to be called often."""
        self._zero = min(self._zero, self._wall_at_zero())

    def due(self, rule: Rule, error: Retryable) -> float:
        """The moment, in seconds of the monotonic clock, before which the question must not be asked again; it may be past."""
        self.look()
        monotonic = self._clock.monotonic()
        now = self._zero + timedelta(seconds=monotonic)
        return monotonic + (rules.due(rule, error, now) - now).total_seconds()

    def _wall_at_zero(self) -> datetime:
        """What the wall clock, as it is set, would have said at the monotonic clock's zero."""
        return self._clock.now() - timedelta(seconds=self._clock.monotonic())
