"""All figures of one scope."""

import msgspec
from psycopg2.extras import RealDictCursor

from streaming.model.server import is_simulated
from streaming.reports.covered import covered
from streaming.reports.figures import Figures, Scope
from streaming.reports.flink_figures import flink
from streaming.reports.kafka_figures import kafka
from streaming.reports.model_figures import model
from streaming.reports.queries import ask_one
from streaming.reports.whole_figures import whole


def measure(cursor: RealDictCursor, scope: Scope, threshold: float) -> Figures:
    """The figures of the scope, whose calls and ends are gathered. `threshold`: the score from which an answer passes.

    The scope gets the models that answered.
    """
    models = ask_one(cursor, "models", covered(scope))["models"]
    # The simulator names itself in the model of every answer, also where it could not be asked when a run began.
    simulated = scope.simulated or any(map(is_simulated, models))
    scope = msgspec.structs.replace(scope, models=models, simulated=simulated)
    of_model, of_whole = model(cursor, scope), whole(cursor, scope)
    of_flink = flink(cursor, scope, threshold, of_model.retries)
    happened = of_whole.requests or of_whole.answered or of_whole.failed or of_whole.replays.submitted or of_model.calls or models
    return Figures(scope=scope, empty=not happened, kafka=kafka(cursor, scope), model=of_model, flink=of_flink, whole=of_whole)
