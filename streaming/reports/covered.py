"""Which rows a scope covers."""

from streaming.reports.figures import Kind, Scope
from streaming.reports.queries import Rows


def covered(scope: Scope) -> Rows:
    """A run's report covers the run's rows whatever their time; a day, and a run within it, those of the day."""
    if scope.kind is Kind.RUN:
        return Rows(scope.run_id)
    return Rows(scope.run_id, *(scope.day or (scope.since, scope.until)))


def sampled(scope: Scope) -> Rows:
    """Samples know no run: those of the scope's time."""
    return Rows(None, scope.since, scope.until)
