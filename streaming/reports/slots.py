"""How many model calls at once the model consumer allowed itself."""

from psycopg2.extras import RealDictCursor

from streaming import topics
from streaming.reports.covered import sampled
from streaming.reports.figures import Scope
from streaming.reports.queries import ask_one


def mean_slots(cursor: RealDictCursor, scope: Scope) -> float | None:
    """On average over the samples in the scope's time; None without any."""
    slots = ask_one(cursor, "slots", sampled(scope), service=topics.LLM_CONSUMER)["mean_slots"]
    return None if slots is None else float(slots)
