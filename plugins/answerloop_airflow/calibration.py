"""Calibrating the score threshold under Airflow: the form, progress in the log, the result as values."""

from __future__ import annotations

import logging
from typing import Any

from airflow.sdk import Param

from answerloop_airflow.connections import reports_settings
from answerloop_airflow.sentences import told_in_a_sentence

log = logging.getLogger(__name__)

# The bounds are those of CalibrationPlan; a test holds them together.
FORM = {
    "dataset": Param(
        "sample",
        type="string",
        minLength=1,
        maxLength=200,
        title="Dataset",
        description="A loaded dataset whose reference answers are compared; load_questions loads one.",
    ),
    "pairs": Param(
        1000,
        type="integer",
        minimum=20,
        maximum=5000,
        title="Questions",
        description="How many questions to draw; each gives a matched and an unrelated pair. Fewer where the dataset has fewer.",
    ),
    "seed": Param(
        1,
        type="integer",
        minimum=0,
        maximum=2**63 - 1,
        title="Seed",
        description="The same seed draws the same questions and makes the same pairs, so that two scorers can be compared.",
    ),
}


def calibrate(dataset: str, pairs: int, seed: int) -> dict[str, Any]:
    """Calibrate the configured scorer; a second time replaces the result.

    Returns subject, threshold, false_accept_rate, false_reject_rate, recommended, report (the page's path). Raises AirflowFailException,
    AirflowException.
    """
    from streaming.calibration.calibrate import calibrate as work
    from streaming.calibration.calibrate import logged
    from streaming.calibration.page import quoted
    from streaming.calibration.plan import checked
    from streaming.clock import SystemClock

    with told_in_a_sentence():
        plan = checked(dataset=dataset, pairs=pairs, seed=seed)
        clock = SystemClock()
        result, page = work(plan, reports_settings(), clock, logged(clock))
    log.info("%s", quoted(result.in_use))
    log.info("recommended: %s; the report: %s", result.recommended, page)
    return {
        "subject": result.subject,
        "threshold": result.threshold,
        "false_accept_rate": result.in_use.false_accepts.rate,
        "false_reject_rate": result.in_use.false_rejects.rate,
        "recommended": result.recommended,
        "report": str(page),
    }
