"""What the services used, from the sampler's samples of them. Samples know no run: a run's figures are those of its time."""

import msgspec
from psycopg2.extras import RealDictCursor

from streaming.reports.covered import sampled
from streaming.reports.figures import Scope, Service
from streaming.reports.queries import ask


def services(cursor: RealDictCursor, scope: Scope) -> list[Service]:
    """Each service that has samples in the scope's time, by name."""
    return [msgspec.convert(row, Service) for row in ask(cursor, "services", sampled(scope))]
