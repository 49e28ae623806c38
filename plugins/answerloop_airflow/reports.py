"""Reports of runs and days under Airflow: which ones to make, what the log says, what is returned."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from answerloop_airflow.connections import reports_settings
from answerloop_airflow.sentences import as_text, told_in_a_sentence
from answerloop_airflow.unreported import find_unreported

if TYPE_CHECKING:
    from streaming.figures.values import Report

log = logging.getLogger(__name__)


def runs_to_report(run_id: str | None) -> list[str]:
    """The run of the form, or else every run that has ended without a report. Raises AirflowException, AirflowFailException."""
    if run_id:
        return [run_id]
    found = find_unreported()
    log.info("%s", f"Ended and not reported: {', '.join(found)}" if found else "Every run that has ended has its report.")
    return found


def report_run(run_id: str) -> dict[str, Any]:
    """Make the report of a run; a second time replaces it. Raises AirflowFailException, AirflowException."""
    from streaming.clock import SystemClock
    from streaming.reports import produce

    with told_in_a_sentence():
        return _told(*produce.report_run(run_id, reports_settings(), SystemClock()))


def report_day(day: str | None, interval_start: datetime | None) -> dict[str, Any]:
    """Make the report of the form's day, else of the data interval's, else of yesterday. Raises as `report_run` does."""
    from streaming.clock import SystemClock
    from streaming.figures.measure import parsed
    from streaming.reports import produce

    clock = SystemClock()
    with told_in_a_sentence():
        chosen = parsed(day) if day else (interval_start or clock.now() - timedelta(days=1)).date()
        return _told(*produce.report_day(chosen, reports_settings(), clock))


def _told(report: Report, page: Path) -> dict[str, Any]:
    """Say the figures in the log; what is returned: the main ones and where the rest is."""
    from streaming.reports.report_table import report_table

    figures = report.figures
    scope, whole = figures.scope, figures.whole
    log.info("report\n%s", as_text(report_table(report)))
    if figures.empty:
        log.info("Nothing happened in the %s %s.", scope.kind.value, scope.subject)
    log.info("The report: %s", page)
    return {
        "kind": scope.kind.value,
        "subject": scope.subject,
        "path": str(page),
        "empty": figures.empty,
        "partial": scope.partial,
        "simulated": scope.simulated,
        "requests": whole.requests,
        "answered": whole.answered,
        "failed": whole.failed,
        "failure_rate": whole.failure_rate,
        "runs": [run.scope.subject for run in report.runs],
    }
