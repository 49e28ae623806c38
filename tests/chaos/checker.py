"""The invariants of a run, checked on everything that is left of it. Pure."""

from dataclasses import dataclass

from streaming.retry_policy import Budget
from tests.chaos import checks_answers, checks_calls, checks_kafka, checks_retries, checks_rows
from tests.chaos.checks_retries import Reasons
from tests.chaos.evidence import Evidence, Violation
from tests.chaos.messages import Messages


@dataclass(frozen=True)
class Limits:
    """What the run was set to. `repeats_allowed`: calls of the model beyond one an attempt, in the whole run."""

    budget: Budget
    threshold: float
    repeats_allowed: int


def check(evidence: Evidence, limits: Limits) -> list[Violation]:
    """Every invariant that does not hold, with where it does not; empty for a good run."""
    messages = Messages(evidence.records)
    reasons = Reasons(messages, limits.budget, limits.threshold)
    return [
        *checks_rows.conserved(evidence),
        *checks_rows.ended_once(evidence),
        *checks_rows.nobody_else(evidence),
        *checks_rows.state_agrees(evidence),
        *checks_rows.not_doubled(evidence),
        *checks_rows.numbered(evidence),
        *checks_retries.allowed(evidence, messages, reasons),
        *checks_retries.counted(messages, reasons),
        *checks_retries.never_early(evidence, messages, reasons),
        *checks_retries.used_up(messages, reasons, limits.budget),
        *checks_answers.words_of_the_model(evidence, messages),
        *checks_answers.best(evidence, limits.threshold),
        *checks_answers.told(evidence, messages),
        *checks_answers.cached(evidence),
        *checks_calls.few_repeats(evidence, limits.repeats_allowed),
        *checks_calls.asked_of_the_model(evidence),
        *checks_kafka.never_back(evidence),
        *checks_kafka.within_log(evidence),
        *checks_kafka.caught_up(evidence),
        *checks_kafka.readable(messages),
        *checks_kafka.about_asked_questions(evidence, messages),
        *checks_kafka.buried_well(evidence, messages),
    ]
