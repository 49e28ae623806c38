"""Whether each attempt was allowed, had its reason and kept its time, by the project's own rules. Pure.

An attempt may have been made twice, with two outcomes, by a crash between its effect and the commit: any of them is a reason to ask
again. So reasons are looked for among the messages; a row holds the first outcome alone.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from uuid import UUID

from streaming import contracts, topics
from streaming.contracts import BEST_ATTEMPT, Retries
from streaming.retries import rules
from streaming.retry_policy import Again, Budget, Cause, Exhausted, next_step
from tests.chaos.evidence import Evidence, Violation
from tests.chaos.invariants import Invariant
from tests.chaos.messages import Messages

CLOCKS_S = 0.05
"""What the clocks of two processes, and the milliseconds that a broker cuts off, may differ by."""

RULES = {topics.OVERLOAD: rules.OVERLOAD, topics.QUOTA: rules.QUOTA}


@dataclass(frozen=True)
class Reason:
    """Why an attempt was followed by another, if that was allowed; `due_at` (epoch seconds) is None for a poor score."""

    cause: Cause
    step: Again | Exhausted
    due_at: float | None


class Reasons:
    """Looks up what may have sent a submission back to the model."""

    def __init__(self, messages: Messages, budget: Budget, threshold: float) -> None:
        self._messages = messages
        self._budget = budget
        self._threshold = threshold

    def after(self, submission_id: UUID, retry_count: int) -> list[Reason]:
        """The reasons to repeat this attempt."""
        found = []
        for topic, rule in RULES.items():
            for _, error in self._messages.of_attempt(topic, submission_id, retry_count):
                step = next_step(self._budget, rule.cause, retry_count, error.retries)
                found.append(Reason(rule.cause, step, rules.due(rule, error, error.timestamp).timestamp()))
        for _, scored in self._messages.of_attempt(topics.LOW_QUALITY, submission_id, retry_count):
            if scored.bert_score is not None and scored.bert_score < self._threshold:
                found.append(Reason(Cause.QUALITY, next_step(self._budget, Cause.QUALITY, retry_count, scored.retries), None))
        return found


def allowed(evidence: Evidence, messages: Messages, reasons: Reasons) -> Iterator[Violation]:
    """Each attempt beyond the first has a reason in the one before it, and that reason had tries left."""
    made = {(row["submission_id"], row["retry_count"]) for row in evidence.attempts}
    made |= {(message.submission_id, message.retry_count) for _, message in messages.of_topic(topics.PENDING)}
    stored = {row["submission_id"] for row in evidence.submissions}
    for submission, number in sorted(made):
        if number == 0 or submission not in stored:
            continue
        found = reasons.after(submission, number - 1)
        if not found:
            detail = f"attempt {number} of submission {submission}: none before it was overloaded, out of quota or poor"
            yield Violation(Invariant.RETRY_CAUSES, detail)
        elif not any(isinstance(reason.step, Again) for reason in found):
            causes = " or ".join(reason.cause for reason in found)
            yield Violation(Invariant.RETRY_LIMITS, f"attempt {number} of submission {submission} is one too many for {causes}")


def counted(messages: Messages, reasons: Reasons) -> Iterator[Violation]:
    """A question that comes back carries the counts that follow from its reason."""
    for _, message in messages.of_topic(topics.PENDING):
        steps = [reason.step for reason in reasons.after(message.submission_id, message.retry_count - 1)]
        again = [step.retries for step in steps if isinstance(step, Again)]
        if message.retry_count > 0 and again and message.retries not in again:
            detail = f"attempt {message.retry_count} of submission {message.submission_id} counts {_shown(message.retries)}"
            yield Violation(Invariant.RETRY_LIMITS, f"{detail}, by its reason {' or '.join(map(_shown, again))}")


def never_early(evidence: Evidence, messages: Messages, reasons: Reasons) -> Iterator[Violation]:
    """Neither does a question lie in its topic, nor does a call of it begin, before the earliest moment that a reason allows."""
    moments = [
        (
            message.submission_id,
            message.retry_count,
            min(record.timestamp_ms / 1000, message.timestamp.timestamp()),
            "went back to the model",
        )
        for record, message in messages.of_topic(topics.PENDING)
    ]
    moments += [
        (row["submission_id"], row["retry_count"], row["llm_started_at"].timestamp(), "began")
        for row in evidence.attempts
        if row["llm_started_at"] is not None
    ]
    for submission, number, at, what in moments:
        due = [reason.due_at or 0.0 for reason in reasons.after(submission, number - 1) if isinstance(reason.step, Again)]
        if due and at < min(due) - CLOCKS_S:
            yield Violation(
                Invariant.NEVER_EARLY, f"attempt {number} of submission {submission} {what} {min(due) - at:.3f} s before it was due"
            )


def used_up(messages: Messages, reasons: Reasons, budget: Budget) -> Iterator[Violation]:
    """Who says that tries are used up is right."""
    exhausted = {contracts.OVERLOAD_EXHAUSTED: Cause.OVERLOAD, contracts.QUOTA_EXHAUSTED: Cause.QUOTA}
    for _, message in messages.of_topic(topics.FATAL):
        cause = exhausted.get(message.error_type)
        found = [reason for reason in reasons.after(message.submission_id, message.retry_count) if reason.cause is cause]
        if cause is not None and not any(isinstance(reason.step, Exhausted) for reason in found):
            detail = f"submission {message.submission_id} ended as {message.error_type} at attempt {message.retry_count}"
            yield Violation(Invariant.NOT_GIVEN_UP_EARLY, detail)
    for _, message in messages.of_topic(topics.VALIDATED):
        step = next_step(budget, Cause.QUALITY, message.retry_count, message.retries)
        if message.accepted_as == BEST_ATTEMPT and isinstance(step, Again):
            detail = f"submission {message.submission_id} settled for its best attempt at attempt {message.retry_count}"
            yield Violation(Invariant.NOT_GIVEN_UP_EARLY, detail)


def _shown(retries: Retries | None) -> str:
    return "nothing" if retries is None else f"{retries.overload} overload, {retries.quota} quota, {retries.quality} quality"
