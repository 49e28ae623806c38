"""A replay from begin to end, and its parts."""

import asyncio
from collections.abc import Callable

import httpx

from streaming.clock import Clock
from streaming.errors import UserError
from streaming.postgres.connect import connected
from streaming.replays import choice as choices
from streaming.replays.choice import Choice
from streaming.replays.outcome import Outcome, read_outcome
from streaming.replays.plan import ReplayPlan
from streaming.settings import Settings
from streaming.storage.models import ModelServer

LOOK_EVERY_S = 1.0


async def choose(plan: ReplayPlan, replay_id: str, settings: Settings, clock: Clock) -> Choice:
    """What this replay is to ask again. Raises UserError for a run that is not known or a model that the server lacks, Unreachable.

    A model server that cannot be asked is no obstacle: questions wait for it.
    """
    if plan.model:
        async with httpx.AsyncClient(trust_env=False) as client:
            refusal = await ModelServer(client, settings.ollama_url, clock).refusal(plan.model)
        if refusal:
            raise UserError(
                f"Nothing can be replayed with this model: {refusal}. Choose one of these, or install it there (`ollama pull`)."
            )

    def read() -> Choice:
        with connected(settings.database_url) as database:
            return choices.choose(database, plan, replay_id)

    return await asyncio.to_thread(read)


def verdict(plan: ReplayPlan, choice: Choice, settings: Settings) -> str:
    """What follows from the choice, in a sentence. Raises Unreachable."""
    if choice.matched == 0:
        with connected(settings.database_url) as database:
            others = ", ".join(f"{count} {cause}" for cause, count in choices.replayable(database).items()) or "none"
        return f"No failure matches ({plan}): nothing to replay. Failures that can be replayed: {others}."
    which = (
        f"all {choice.chosen} failures that match" if choice.chosen == choice.matched else f"{choice.chosen} of {choice.matched} failures"
    )
    before = f"; {choice.replayed} were replayed before under this name" if choice.replayed else ""
    if plan.dry_run:
        return f"Dry run: {which} ({plan}) would be replayed; nothing is{before}."
    approval = f", once a person approves: they are more than {plan.approve_above}" if needs_approval(plan, choice) else ""
    return f"To be replayed: {which} ({plan}){approval}{before}."


def needs_approval(plan: ReplayPlan, choice: Choice) -> bool:
    """Whether so many are replayed only when a person agrees."""
    return choice.chosen > plan.approve_above


async def wait(replay_id: str, timeout_s: float, settings: Settings, clock: Clock, look: Callable[[Outcome], None]) -> Outcome:
    """The outcome once every replayed question is answered or has failed, or as it stands after `timeout_s`; `look` sees each look."""
    deadline = clock.monotonic() + timeout_s
    while True:
        outcome = await asyncio.to_thread(read_outcome, settings.database_url, replay_id)
        look(outcome)
        if not outcome.pending or clock.monotonic() >= deadline:
            return outcome
        await clock.sleep(LOOK_EVERY_S)
