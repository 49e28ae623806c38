"""All figures of one scope."""

from collections.abc import Iterator
from contextlib import contextmanager

import msgspec
from psycopg2.extensions import connection
from psycopg2.extras import RealDictCursor

from streaming.reports.covered import covered
from streaming.reports.figures import Figures, Scope
from streaming.reports.flink_figures import flink
from streaming.reports.kafka_figures import kafka
from streaming.reports.model_figures import model
from streaming.reports.queries import ask_one
from streaming.reports.run_summary import SIMULATED
from streaming.reports.whole_figures import whole


@contextmanager
def snapshot(database: connection) -> Iterator[RealDictCursor]:
    """A cursor that sees one state of the tables, however long the report takes, and can change nothing."""
    with database, database.cursor(cursor_factory=RealDictCursor) as cursor:
        cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        # A busy day's rows are sorted and joined in memory, not on disk: twice as fast with a million calls.
        cursor.execute("SET LOCAL work_mem = '64MB'")
        yield cursor


def measure(cursor: RealDictCursor, scope: Scope, threshold: float) -> Figures:
    """The figures of the scope. `threshold`: the score from which an answer passes. The scope gets the models that were called."""
    models = ask_one(cursor, "models", covered(scope))["models"]
    # The simulator names itself in the model of every answer, also where it could not be asked when a run began.
    simulated = scope.simulated or any(SIMULATED in name.lower() for name in models)
    scope = msgspec.structs.replace(scope, models=models, simulated=simulated)
    of_model, of_whole = model(cursor, scope), whole(cursor, scope)
    of_flink = flink(cursor, scope, threshold, of_model.retries)
    happened = of_whole.requests or of_whole.answered or of_whole.failed or of_whole.replays.submitted or of_model.calls or models
    return Figures(scope=scope, empty=not happened, kafka=kafka(cursor, scope), model=of_model, flink=of_flink, whole=of_whole)
