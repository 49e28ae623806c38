"""When an error's time is up, in seconds that pass: whoever sets the wall clock, no retry is early and none hangs."""

from datetime import timedelta

from streaming.clock import Clock
from streaming.retries import rules
from streaming.retries.rules import Error, Rule


class Reckoning:
    """Turns due times, which are told by the wall clocks of several services, into moments of this process's monotonic clock.

    An error's timestamp may come from before the wall clock was set, or from after it. So the present is taken to be the earlier of what
    the wall clock says and what it would say had nobody set it since the start: an error never seems older than it is.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._started_at = clock.now()
        self._started = clock.monotonic()

    def due(self, rule: Rule, error: Error) -> float:
        """The moment, in seconds of the monotonic clock, before which the question must not be asked again; it may be past."""
        monotonic = self._clock.monotonic()
        now = min(self._clock.now(), self._started_at + timedelta(seconds=monotonic - self._started))
        return monotonic + (rules.due(rule, error, now) - now).total_seconds()
