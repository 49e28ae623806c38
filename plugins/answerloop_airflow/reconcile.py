"""Lost questions under Airflow."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from answerloop_airflow.hooks import AnswerloopHook
from answerloop_airflow.sentences import told_in_a_sentence

log = logging.getLogger(__name__)

NAMED = 3


def requeue_stuck() -> dict[str, Any]:
    """Have lost questions asked again; says what was done, and returns the API's reply: at_rest, busy, requeued, question_ids."""
    with told_in_a_sentence():
        done = AnswerloopHook().requeue_stuck()
    log.info("%s", sentence(done))
    return done


def sentence(done: Mapping[str, Any]) -> str:
    """What requeue-stuck did."""
    if not done["at_rest"]:
        reasons = "; ".join(done["busy"][:NAMED]) + ("; ..." if len(done["busy"]) > NAMED else "")
        return f"The loop is at work ({reasons}), so nothing can be called lost: looked at again in the next lull."
    if not done["requeued"]:
        return "The loop is at rest and no pending question is lost."
    ids = ", ".join(done["question_ids"][:NAMED]) + (", ..." if done["requeued"] > NAMED else "")
    return f"The loop is at rest, and {done['requeued']} pending questions were lost: they are asked again ({ids})."
