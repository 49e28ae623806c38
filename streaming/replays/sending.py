"""Asks the chosen failures again, through the API, in bounded batches. Anything broken off goes on where it stopped."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from streaming.clock import Clock
from streaming.errors import AnswerloopError, Unreachable, UserError
from streaming.postgres.connect import connected
from streaming.replays import choice as choices
from streaming.replays.choice import Choice, Chosen, Place
from streaming.replays.plan import ReplayPlan
from streaming.settings import Settings
from streaming.traffic.api import NotTaken, QuestionApi

BATCH = 200
IN_FLIGHT = 16
PATIENCE_S = 60.0

Advance = Callable[[int], None]


@dataclass
class Sent:
    """What became of the chosen failures: asked again (now or before), or no longer to be replayed because something came in between."""

    replayed: int = 0
    gone: int = 0

    def __str__(self) -> str:
        return f"{self.replayed} replayed" + (f", {self.gone} no longer failed when their turn came" if self.gone else "")


async def send(plan: ReplayPlan, choice: Choice, settings: Settings, clock: Clock, advance: Advance) -> Sent:
    """Replay what is left of the choice; `advance` is told how many have been sent so far.

    Raises Unreachable when the API is away for longer than a minute, UserError when it refuses; what was replayed until then stays so.
    """
    token = settings.api_token.get_secret_value() if settings.api_token else None
    # Never more than was chosen: of failures that an earlier try has replayed, as many are left out.
    left = choice.chosen + choice.replayed - await asyncio.to_thread(_replayed, settings.database_url, choice.replay_id)
    sent, after = Sent(), None
    async with QuestionApi(settings.api_url, token, clock) as api:
        await api.check()
        while left > 0 and (batch := await asyncio.to_thread(_page, settings.database_url, plan, choice, after, min(BATCH, left))):
            await send_batch(batch, plan.model, choice.replay_id, api, sent)
            left, after = left - len(batch), batch[-1].place
            advance(sent.replayed + sent.gone)
    return sent


async def send_batch(batch: Sequence[Chosen], model: str | None, replay_id: str, api: QuestionApi, sent: Sent) -> None:
    """Replay these, a few at a time, counted in `sent`. The first error ends it, once the requests under way are cancelled."""
    free = asyncio.Semaphore(IN_FLIGHT)

    async def replay(failure: Chosen) -> None:
        async with free:
            try:
                await api.replay(failure.question_id, failure.place.submission_id, model, replay_id, PATIENCE_S)
            except NotTaken as err:
                _judge(err, sent)
                sent.gone += 1
            else:
                sent.replayed += 1

    try:
        async with asyncio.TaskGroup() as group:
            for failure in batch:
                group.create_task(replay(failure))
    except* AnswerloopError as errors:
        raise errors.exceptions[0] from errors


def _judge(refusal: NotTaken, sent: Sent) -> None:
    """Return if the refusal concerns this failure alone."""
    if refusal.status is None:
        raise Unreachable(
            f"The replay has stopped after {sent}: {refusal}. When the API is back, run it again: it goes on where it stopped."
        )
    if refusal.status not in (404, 409):
        raise UserError(f"The replay has stopped after {sent}: {refusal}.")


def _page(database_url: str, plan: ReplayPlan, choice: Choice, after: Place | None, most: int) -> list[Chosen]:
    with connected(database_url) as database:
        return choices.page(database, plan, choice, after, most)


def _replayed(database_url: str, replay_id: str) -> int:
    with connected(database_url) as database:
        return choices.replayed(database, replay_id)
