"""How a traffic run begins and ends under Airflow."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from typing import Any

from answerloop_airflow.connections import loop_settings
from answerloop_airflow.sentences import as_text, told_in_a_sentence

log = logging.getLogger(__name__)


def begin(run_id: str, form: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Check the form and what the run needs, record the run, and return a share for each generator (see SendTrafficOperator).

    `form`: fields of a TrafficPlan, and `timeout_s` and `generators`. Raises AirflowFailException, AirflowException.
    """
    from streaming.clock import SystemClock
    from streaming.traffic.plan import checked
    from streaming.traffic.preconditions import check_run
    from streaming.traffic.run import begin_run

    fields = dict(form)
    timeout_s, generators = fields.pop("timeout_s"), fields.pop("generators")
    with told_in_a_sentence():
        plan = checked(**fields, resolve_timeout_s=timeout_s)
        settings, clock = loop_settings(), SystemClock()

        async def work() -> None:
            await check_run(plan, generators, settings, clock)
            await begin_run(plan, run_id, settings, clock)

        asyncio.run(work())
    log.info("run %s: %d requests, %s, by %d generators", run_id, plan.requests, plan.arrivals, generators)
    return [{"plan": plan.model_dump(mode="json"), "index": index, "of": generators} for index in range(generators)]


def conclude(run_id: str) -> dict[str, Any]:
    """Record that the run has drained, store its summary, show it in the log and return it as plain values."""
    import msgspec

    from streaming.clock import SystemClock
    from streaming.traffic.drain import Backlog
    from streaming.traffic.run import close_run
    from streaming.traffic.run_table import run_table

    with told_in_a_sentence():
        summary = asyncio.run(close_run(run_id, Backlog({}, {}), loop_settings(), SystemClock())).summary
    log.info("summary\n%s", as_text(run_table(summary)))
    return dict(msgspec.to_builtins(summary))
