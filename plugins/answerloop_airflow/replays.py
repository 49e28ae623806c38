"""How failures are chosen, replayed and reported under Airflow."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from answerloop_airflow.connections import loop_settings
from answerloop_airflow.sentences import as_text, told_in_a_sentence

if TYPE_CHECKING:
    from streaming.replays.choice import Choice
    from streaming.replays.plan import ReplayPlan

log = logging.getLogger(__name__)

LOG_EVERY_S = 5.0


def choose(replay_id: str, form: Mapping[str, Any]) -> dict[str, Any]:
    """Check the form, choose the failures, show how many and a sample.

    Returns the choice as plain values, and: `goes_on`, whether there is anything to do; `needs_approval`; `verdict`, a sentence; `shown`,
    the tables as Markdown. Raises AirflowFailException, AirflowException.
    """
    import msgspec

    from streaming.clock import SystemClock
    from streaming.replays import replay
    from streaming.replays.plan import checked
    from streaming.replays.tables import choice_markdown, choice_table

    with told_in_a_sentence():
        plan, settings = checked(**form), loop_settings()
        choice = asyncio.run(replay.choose(plan, replay_id, settings, SystemClock()))
        verdict = replay.verdict(plan, choice, settings)
    log.info("%s%s", verdict, f"\n{as_text(choice_table(choice))}" if choice.chosen else "")
    return {
        "choice": msgspec.to_builtins(choice),
        "goes_on": bool(choice.chosen or choice.replayed) and not plan.dry_run,
        "needs_approval": replay.needs_approval(plan, choice),
        "verdict": verdict,
        "shown": choice_markdown(choice),
    }


def send(chosen: Mapping[str, Any], form: Mapping[str, Any]) -> None:
    """Replay what is left of the choice. Raises AirflowException when the API is away; a further try goes on where this one stopped."""
    from streaming.clock import SystemClock
    from streaming.replays import sending

    plan, choice = _read(chosen, form)
    with told_in_a_sentence():
        sent = asyncio.run(sending.send(plan, choice, loop_settings(), SystemClock(), _progress(choice.chosen)))
    log.info("%s", sent)


def conclude(chosen: Mapping[str, Any], form: Mapping[str, Any]) -> dict[str, Any]:
    """Say what the replay came to, and return it as plain values: `replayed`, `recovered`, `failed_again` and more."""
    import msgspec

    from streaming.replays.outcome import read_outcome
    from streaming.replays.tables import outcome_table

    plan, choice = _read(chosen, form)
    with told_in_a_sentence():
        outcome = read_outcome(loop_settings().database_url, choice.replay_id)
    if outcome.replayed:
        log.info("%s\n%s", outcome, as_text(outcome_table(outcome)))
    elif chosen["goes_on"]:
        log.info("Nothing was replayed: %s", "no approval" if chosen["needs_approval"] else "somebody else replayed all of it before")
    else:
        log.info("%s", chosen["verdict"])
    return {"matched": choice.matched, "chosen": choice.chosen, "dry_run": plan.dry_run, **msgspec.to_builtins(outcome)}


def _read(chosen: Mapping[str, Any], form: Mapping[str, Any]) -> tuple[ReplayPlan, Choice]:
    import msgspec

    from streaming.replays.choice import Choice
    from streaming.replays.plan import checked

    with told_in_a_sentence():
        return checked(**form), msgspec.convert(chosen["choice"], Choice)


def _progress(of: int) -> Callable[[int], None]:
    """Logs how many were sent every few seconds."""
    said = time.monotonic()

    def advance(done: int) -> None:
        nonlocal said
        if time.monotonic() - said >= LOG_EVERY_S:
            said = time.monotonic()
            log.info("%d of %d sent", done, of)

    return advance
