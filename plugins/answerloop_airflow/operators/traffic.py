"""An operator that sends a share of a run's traffic."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperator
from airflow.sdk.exceptions import AirflowException

from answerloop_airflow import connections
from answerloop_airflow.sentences import told_in_a_sentence

if TYPE_CHECKING:
    from airflow.sdk import Context

    from streaming.settings import Settings

LOOK_FOR_CANCELLATION_S = 2.0


class SendTrafficOperator(BaseOperator):
    """Sends every `of`-th request of a run, from number `index` on, and follows each until it has its answer or its failure.

    `share`: {"plan": fields of a TrafficPlan, "index": 0 to of - 1, "of": number of shares}; all shares of a run have the same plan. A
    retry goes on where the try before stopped: nothing is sent twice. Killed, or when another share of the run is, it stops sending and
    the run's state is "cancelled"; a share that had not begun by then fails, and only one that is tried again goes on with the run.
    Returns the number of requests by how they ended.
    """

    template_fields: Sequence[str] = ("run_id", "share")

    def __init__(
        self,
        *,
        run_id: str,
        share: dict[str, Any],
        api_conn_id: str = connections.API,
        postgres_conn_id: str = connections.POSTGRES,
        kafka_conn_id: str = connections.KAFKA,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.run_id = run_id
        self.share = share
        self.api_conn_id = api_conn_id
        self.postgres_conn_id = postgres_conn_id
        self.kafka_conn_id = kafka_conn_id
        self._loop: asyncio.AbstractEventLoop | None = None
        self._sending: asyncio.Task[Any] | None = None

    def execute(self, context: Context) -> dict[str, int]:
        """Send. Raises AirflowException when cancelled or when a component is away, AirflowFailException for a plan that cannot be run
        and for a run that was cancelled before this share's first try."""
        with told_in_a_sentence():
            settings = connections.loop_settings(self.api_conn_id, self.postgres_conn_id, self.kafka_conn_id)
            try:
                return asyncio.run(self._send(settings, context["ti"].try_number))
            except asyncio.CancelledError:
                raise AirflowException(f"The run {self.run_id} was cancelled: its traffic has stopped.") from None

    def on_kill(self) -> None:
        """Stop sending. Called in a signal handler."""
        if self._loop is not None and self._sending is not None:
            self._loop.call_soon_threadsafe(self._sending.cancel)

    async def _send(self, settings: Settings, try_number: int) -> dict[str, int]:
        from rich.console import Console

        from streaming.clock import SystemClock
        from streaming.traffic import run, runs
        from streaming.traffic.plan import checked
        from streaming.traffic.progress import Progress, shown

        clock = SystemClock()
        plan, index, of = checked(**self.share["plan"]), int(self.share["index"]), int(self.share["of"])
        progress = Progress(len(range(index, plan.requests, of)), clock)
        self._loop, self._sending = asyncio.get_running_loop(), asyncio.current_task()
        assert self._sending is not None
        # A try before this one may have left the run cancelled; on its first try a share finds it so because another was killed.
        record = run.begin_run if try_number > 1 else run.join_run
        await record(plan, self.run_id, settings, clock)
        watch = asyncio.create_task(_cancel_with_the_run(self._sending, self.run_id, settings))
        try:
            async with shown(progress, Console(force_terminal=False)):
                await run.send_share(plan, self.run_id, index, of, settings, progress, clock)
        except asyncio.CancelledError:
            await run.end_run(self.run_id, runs.CANCELLED, settings, clock)
            raise
        except Exception:
            await run.end_run(self.run_id, runs.FAILED, settings, clock)
            raise
        finally:
            watch.cancel()
        return dict(progress.ends)


async def _cancel_with_the_run(sending: asyncio.Task[Any], run_id: str, settings: Settings) -> None:
    """Cancel `sending` once the run is recorded as cancelled, by whomever."""
    from streaming.errors import Unreachable
    from streaming.postgres.connect import connected
    from streaming.traffic import runs

    def state() -> str | None:
        with connected(settings.database_url) as database:
            return runs.state_of(database, run_id)

    while True:
        await asyncio.sleep(LOOK_FOR_CANCELLATION_S)
        try:
            if await asyncio.to_thread(state) == runs.CANCELLED:
                sending.cancel()
                return
        except Unreachable:
            # Sending meets the same outage, and is the one to judge it.
            continue
