"""A traffic run from begin to end, and its parts, so that several processes can send a share each."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

import numpy as np

from streaming.clock import Clock
from streaming.errors import AnswerloopError, UserError
from streaming.figures.run_summary import RunSummary, summarise
from streaming.kafka.admin import KafkaAdmin
from streaming.postgres.connect import connected
from streaming.settings import Settings
from streaming.traffic import runs
from streaming.traffic.api import QuestionApi
from streaming.traffic.arrivals import arrival_times
from streaming.traffic.drain import Backlog, wait_until_drained
from streaming.traffic.ends import CalledBack, Ends, Polled
from streaming.traffic.feed import Feed, requests_of
from streaming.traffic.generator import Generator
from streaming.traffic.model_server import ask_model_server
from streaming.traffic.plan import Arrivals, Results, TrafficPlan
from streaming.traffic.progress import Progress
from streaming.traffic.receiver import callback_key, receiving
from streaming.traffic.records import Recorder, Request, recorded


@dataclass(frozen=True)
class Finished:
    """A run that has ended: what it came to, and what was left of it (empty: it has drained)."""

    summary: RunSummary
    backlog: Backlog


async def run_traffic(
    plan: TrafficPlan, run_id: str, settings: Settings, progress: Progress, clock: Clock, drain_timeout_s: float
) -> Finished:
    """Begin the run, send all of it, wait until it has drained and store its summary.

    Cancelled, it stops sending and records the state "cancelled"; by any error "failed". Raises Unreachable, UserError, ConfigurationError.
    """
    await begin_run(plan, run_id, settings, clock)
    try:
        await send_share(plan, run_id, 0, 1, settings, progress, clock)
        return await finish_run(run_id, settings, progress, clock, drain_timeout_s)
    except asyncio.CancelledError:
        await end_run(run_id, runs.CANCELLED, settings, clock)
        raise
    except Exception:
        await end_run(run_id, runs.FAILED, settings, clock)
        raise


async def begin_run(plan: TrafficPlan, run_id: str, settings: Settings, clock: Clock) -> None:
    """Record the run. May be called again for the same run, which then goes on, cancelled or not."""
    await _record(runs.begin, plan, run_id, settings, clock)


async def join_run(plan: TrafficPlan, run_id: str, settings: Settings, clock: Clock) -> None:
    """Record the run, unless it is cancelled: raises UserError then."""
    await _record(runs.join, plan, run_id, settings, clock)


async def _record(entry: Callable[..., None], plan: TrafficPlan, run_id: str, settings: Settings, clock: Clock) -> None:
    served = await ask_model_server(settings.ollama_url, settings.model)

    def record() -> None:
        with connected(settings.database_url) as database:
            entry(database, run_id, plan, served, clock.now())

    await asyncio.to_thread(record)


async def send_share(plan: TrafficPlan, run_id: str, index: int, of: int, settings: Settings, progress: Progress, clock: Clock) -> None:
    """Send every `of`-th request of the run from number `index` on, and follow each until it ends.

    Requests that an earlier try has recorded are not sent again. All shares have the same plan; the run has begun.
    """
    if plan.arrivals is Arrivals.CLOSED and plan.users < of:
        raise UserError(f"{plan.users} users cannot be shared among {of} generators: take at most one generator a user")
    progress.stage = "sending"
    popularity, arrival = (np.random.default_rng([plan.seed, stream]) for stream in range(2))
    share = range(index, plan.requests, of)
    earlier = await asyncio.to_thread(_recorded, settings.database_url, run_id, share)
    numbers = [number for number in share if number not in earlier or earlier[number].final_status is None]
    progress.resume(request.final_status for request in earlier.values() if request.final_status)
    requests = await asyncio.to_thread(requests_of, settings.database_url, plan, numbers, popularity)
    feed = Feed(settings.database_url, plan.dataset, requests)
    token = settings.api_token.get_secret_value() if settings.api_token else None
    try:
        async with (
            QuestionApi(settings.api_url, token, clock) as api,
            Recorder(settings.database_url, run_id, clock) as recorder,
            learning(plan.results, api, settings, clock) as ends,
        ):
            await api.check()
            generator = Generator(plan, run_id, api, ends, recorder, progress, clock, earlier)
            if plan.arrivals is Arrivals.CLOSED:
                await generator.closed_loop(feed, len(range(index, plan.users, of)))
            else:
                times = arrival_times(plan, arrival)
                # A share that goes on where an earlier try was stopped does not make up for the time between.
                unsent = [number for number in numbers if number not in earlier] if earlier else []
                await generator.open_loop(feed, times - (times[unsent[0]] if unsent else 0.0))
    except* AnswerloopError as group:
        raise group.exceptions[0] from group


@asynccontextmanager
async def learning(results: Results, api: QuestionApi, settings: Settings, clock: Clock) -> AsyncIterator[Ends]:
    """Where the ends of questions are learnt from. Raises UserError, ConfigurationError, Unreachable."""
    if results is Results.POLL:
        yield Polled(api)
        return
    ends = CalledBack(api)
    async with receiving(callback_key(settings), clock, ends.take) as url:
        ends.callback_url = url
        yield ends


async def finish_run(run_id: str, settings: Settings, progress: Progress, clock: Clock, drain_timeout_s: float) -> Finished:
    """Wait until the run has drained, then summarise it and store that. The state is "drained", or "timed_out" with a backlog."""
    progress.stage = "draining"
    await mark_sent(run_id, settings, clock)
    kafka = KafkaAdmin(settings.kafka_bootstrap, settings.kafka_login)
    backlog = await wait_until_drained(settings.database_url, kafka, run_id, drain_timeout_s, clock)
    progress.stage = "not drained" if backlog else "drained"
    return await close_run(run_id, backlog, settings, clock)


async def mark_sent(run_id: str, settings: Settings, clock: Clock) -> None:
    """Record that every request has been sent and has ended: what is left is for the loop to drain."""

    def record() -> None:
        with connected(settings.database_url) as database:
            runs.sent(database, run_id, clock.now())

    await asyncio.to_thread(record)


async def close_run(run_id: str, backlog: Backlog, settings: Settings, clock: Clock) -> Finished:
    """Record how the run has ended, summarise it and store that."""
    await end_run(run_id, runs.TIMED_OUT if backlog else runs.DRAINED, settings, clock)
    return Finished(await asyncio.to_thread(_summarised, settings.database_url, run_id), backlog)


async def end_run(run_id: str, state: str, settings: Settings, clock: Clock) -> None:
    """Record that the run has ended in this state."""

    def record() -> None:
        with connected(settings.database_url) as database:
            runs.end(database, run_id, state, clock.now())

    await asyncio.to_thread(record)


def _recorded(database_url: str, run_id: str, share: range) -> dict[int, Request]:
    with connected(database_url) as database:
        return recorded(database, run_id, share)


def _summarised(database_url: str, run_id: str) -> RunSummary:
    with connected(database_url) as database:
        summary = summarise(database, run_id)
        runs.store_summary(database, summary)
    return summary
