"""What a traffic run came to, from PostgreSQL alone.

Requests and latencies cover the run's `traffic_requests`. Attempts, scores, retries and failures cover the first submissions that carry
its run_id (and what was sent again because it was lost); questions that came from elsewhere count as `reused`, replays stand apart.
"""

from collections.abc import Mapping
from typing import Any

import msgspec
from psycopg2.extensions import connection

from streaming.errors import UserError
from streaming.figures.buckets import LATENCY_EDGES_MS, SCORE_EDGES
from streaming.figures.queries import ask_one, gather, snapshot
from streaming.figures.scope import Rows
from streaming.model.server import is_simulated


class Percentiles(msgspec.Struct, frozen=True):
    """Of latencies in milliseconds; None where there are none."""

    p50: float | None
    p90: float | None
    p95: float | None
    p99: float | None
    max: float | None


NO_PERCENTILES = Percentiles(None, None, None, None, None)


class Requests(msgspec.Struct, frozen=True):
    """The run's requests: by first reply, by end, and how long both took.

    `perceived`: from the intended time to the first reply. `real`: from the intended time to the answer; their means are in milliseconds,
    too. Rates are per second, from the first intended time to the last request sent, and to the last end; `asked_per_s` is of the ended
    that were not told their end at once.
    """

    total: int
    first: Mapping[str, int]
    final: Mapping[str, int]
    from_cache: int
    from_database: int
    reused: int
    perceived: Percentiles
    real: Percentiles
    duration_s: float | None
    sent_per_s: float | None
    ended_per_s: float | None
    mean_perceived: float | None = None
    mean_real: float | None = None
    asked_per_s: float | None = None


class Scores(msgspec.Struct, frozen=True):
    """Of the run's scored answers. A regenerated one was asked again for its low score; `mean_improvement` is of those,
    final minus first score, and `regenerated_mean_first` and `_final` are the two; `helped`: their final score is above the first."""

    answered: int
    scored: int
    unscored: int
    best_attempts: int
    mean_first: float | None
    mean_final: float | None
    regenerated: int
    regeneration_rate: float | None
    helped: int
    mean_improvement: float | None
    regenerated_mean_first: float | None = None
    regenerated_mean_final: float | None = None


class Retries(msgspec.Struct, frozen=True):
    """Model calls made again for one cause. Succeeded: the model answered; after a low score: with an answer that passed.

    Needed: errors and low scores of that cause, also those after which the tries were used up.
    """

    made: int
    succeeded: int
    needed: int | None = None


class Attempts(msgspec.Struct, frozen=True):
    """The run's model calls; `extra` are those after a submission's first."""

    total: int
    extra: int
    models: Mapping[str, int]
    retries: Mapping[str, Retries]


class Stages(msgspec.Struct, frozen=True):
    """Mean milliseconds that an answered question spent in each stage, all its attempts together; None where no time is known."""

    queue_ms: float | None
    model_ms: float | None
    scoring_ms: float | None
    waiting_ms: float | None
    store_ms: float | None


class Replays(msgspec.Struct, frozen=True):
    """What became of the run's failures that were asked again."""

    submitted: int
    answered: int
    failed: int


class RunSummary(msgspec.Struct, frozen=True):
    """All of it. `simulated`: the answers come from the simulator, not from a model."""

    run_id: str
    state: str
    dataset: str
    model: str | None
    simulated: bool
    requests: Requests
    scores: Scores
    attempts: Attempts
    failures: Mapping[str, int]
    stages: Stages
    replays: Replays


def summarise(database: connection, run_id: str) -> RunSummary:
    """The summary of a run as it is now. Raises UserError for a run that is not known."""
    with snapshot(database) as cursor:
        cursor.execute("SELECT run_id, state, dataset, model, simulated FROM traffic_runs WHERE run_id = %s", (run_id,))
        run = cursor.fetchone()
        if run is None:
            raise UserError(f"There is no run {run_id!r}.")
        rows = Rows(run_id)
        gather(cursor, rows)
        parts: dict[str, Any] = {part: ask_one(cursor, part, rows) for part in ("stages", "replays")}
        parts["requests"] = ask_one(cursor, "requests", rows, edges=LATENCY_EDGES_MS)
        parts["scores"] = ask_one(cursor, "scores", rows, edges=SCORE_EDGES)
        parts["attempts"] = {**ask_one(cursor, "attempts", rows), **ask_one(cursor, "retries", rows)}
        parts["failures"] = ask_one(cursor, "failures", rows)["counts"]
    # The simulator names itself in the model of every answer, also where it could not be asked when the run began.
    simulated = run["simulated"] or any(is_simulated(model) for model in parts["attempts"]["models"])
    return msgspec.convert({**run, **parts, "simulated": simulated}, RunSummary)
