"""The model's part of a report: calls, outcomes, latency, retries, errors, and how much of its slots was used."""

from collections.abc import Mapping
from typing import Any

import msgspec
from psycopg2.extras import RealDictCursor

from streaming import topics
from streaming.figures.queries import ask_one
from streaming.figures.run_summary import NO_PERCENTILES
from streaming.figures.scope import Scope, covered, sampled
from streaming.figures.values import Model


def model(cursor: RealDictCursor, scope: Scope) -> Model:
    """The figures of the scope's own trips: first submissions and what was sent again in their place."""
    rows = covered(scope)
    calls = ask_one(cursor, "attempts", rows)
    in_flight, slots = calls["mean_in_flight"], _slots_meanwhile(cursor, scope, calls)
    of_calls = calls["latencies"]
    figures = {
        **calls,
        **_latency("latency", of_calls.get("succeeded")),
        **_latency("failed_latency", of_calls.get("failed")),
        **_latency("all_latency", of_calls.get("all")),
        **ask_one(cursor, "retries", rows),
        "calls": calls["total"],
        "mean_slots": slots,
        "slot_use": None if in_flight is None or not slots else in_flight / slots,
    }
    return msgspec.convert(figures, Model)


def _latency(name: str, found: Mapping[str, float | None] | None) -> dict[str, Any]:
    """Percentiles and mean under that name."""
    if found is None:
        return {name: NO_PERCENTILES, f"mean_{name}": None}
    return {name: found, f"mean_{name}": found["mean"]}


def _slots_meanwhile(cursor: RealDictCursor, scope: Scope, calls: Mapping[str, Any]) -> float | None:
    """The mean of the slots while there were calls: at rest the consumer allows itself another number."""
    first, last = calls["first_started_at"], calls["last_finished_at"]
    if first is None or last is None:
        return None
    return mean_slots(cursor, msgspec.structs.replace(scope, since=first, until=last))


def mean_slots(cursor: RealDictCursor, scope: Scope) -> float | None:
    """How many calls at once the model consumer allowed itself, on average over the samples in the scope's time; None without any."""
    slots = ask_one(cursor, "slots", sampled(scope), service=topics.LLM_CONSUMER)["mean_slots"]
    return None if slots is None else float(slots)
