"""What the tables alone must show: every question ended once, nothing is there twice, nothing came from nowhere. Pure."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from uuid import UUID

from streaming.contracts import INVALID_MESSAGE
from streaming.identity import derived_submission_id
from tests.chaos.evidence import Asked, Evidence, Violation
from tests.chaos.invariants import Invariant

KEYS = {
    "questions": ("question_id",),
    "submissions": ("submission_id",),
    "answers": ("question_id",),
    "attempts": ("submission_id", "retry_count"),
    "failed_questions": ("question_id", "submission_id"),
    "dead_letters": ("submission_id", "retry_count"),
}


def conserved(evidence: Evidence) -> Iterator[Violation]:
    """What was accepted is stored and has ended; what was refused is not stored."""
    stored = {row["question_id"] for row in evidence.questions}
    submissions = {(row["question_id"], row["submission_id"]) for row in evidence.submissions}
    for question, lines in _lines_of(evidence.ledger).items():
        if question not in stored and any(line.fate == "acknowledged" for line in lines):
            yield Violation(Invariant.CONSERVED, f"question {question} was accepted and is not stored")
        if question in stored and all(line.fate == "refused" for line in lines):
            yield Violation(Invariant.CONSERVED, f"question {question} was refused with {lines[0].status} and is stored")
        for line in lines:
            if line.submission_id is not None and question in stored and (question, line.submission_id) not in submissions:
                yield Violation(
                    Invariant.CONSERVED, f"submission {line.submission_id} of question {question} was acknowledged and is not stored"
                )
    ends = _ends(evidence)
    for submission in _last_submissions(evidence.submissions):
        if not ends[submission["submission_id"]]:
            yield Violation(Invariant.CONSERVED, f"{_named(submission)} has no end")


def ended_once(evidence: Evidence) -> Iterator[Violation]:
    """An answer or a failure, never both; none for a submission that was lost and asked again."""
    ends = _ends(evidence)
    for submission in evidence.submissions:
        if ends[submission["submission_id"]] > 1:
            yield Violation(Invariant.ONE_END, f"{_named(submission)} is both answered and failed, or one of them twice")
    failed = {row["submission_id"] for row in evidence.failed_questions}
    for follower in evidence.submissions:
        if follower["kind"] == "requeue" and ends[follower["follows"]]:
            yield Violation(Invariant.ONE_END, f"{_named(follower)} repeats {follower['follows']} as lost, which has an end")
        if follower["kind"] == "replay" and follower["follows"] not in failed:
            yield Violation(Invariant.ONE_END, f"{_named(follower)} repeats {follower['follows']} as failed, which has not failed")


def nobody_else(evidence: Evidence) -> Iterator[Violation]:
    """Rows are about questions of the ledger, attempts about submissions that are stored."""
    asked = {line.question_id for line in evidence.ledger}
    for table in KEYS:
        for row in getattr(evidence, table):
            if row["question_id"] not in asked:
                yield Violation(Invariant.NO_STRANGERS, f"{table} has a row of question {row['question_id']}, which nobody asked")
    submissions = {row["submission_id"] for row in evidence.submissions}
    for attempt in evidence.attempts:
        if attempt["submission_id"] not in submissions and not _ends_a_broken_record(attempt):
            yield Violation(Invariant.NO_STRANGERS, f"attempt {attempt['retry_count']} of {_named(attempt)}, which is not stored")


def state_agrees(evidence: Evidence) -> Iterator[Violation]:
    """A question's status follows from the rows of its newest submission."""
    answered = {(row["question_id"], row["submission_id"]) for row in evidence.answers}
    failed = {(row["question_id"], row["submission_id"]) for row in evidence.failed_questions}
    last = {(row["question_id"], row["submission_id"]) for row in _last_submissions(evidence.submissions)}
    for row in evidence.questions:
        newest = row["question_id"], row["submission_id"]
        states = [state for state, rows in (("answered", answered), ("failed", failed)) if newest in rows] or ["pending"]
        if row["status"] not in states:
            yield Violation(Invariant.STORED_STATE, f"question {newest[0]} is {row['status']}, by its details {' and '.join(states)}")
        if (row["status"] == "pending") != (row["resolved_at"] is None):
            yield Violation(Invariant.STORED_STATE, f"question {newest[0]} is {row['status']}, resolved at {row['resolved_at']}")
        if newest not in last:
            yield Violation(Invariant.STORED_STATE, f"question {newest[0]} names {newest[1]} as its newest submission, which it is not")
    questions = {row["question_id"]: row["submission_id"] for row in evidence.questions}
    for row in evidence.answers:
        if questions.get(row["question_id"]) != row["submission_id"]:
            yield Violation(Invariant.STORED_STATE, f"the answer of question {row['question_id']} is of another submission than its newest")


def not_doubled(evidence: Evidence) -> Iterator[Violation]:
    for table, columns in KEYS.items():
        counts = Counter(tuple(row[name] for name in columns) for row in getattr(evidence, table))
        for key, count in counts.items():
            if count > 1:
                yield Violation(Invariant.NO_DOUBLES, f"{table} has {count} rows with {dict(zip(columns, map(str, key), strict=True))}")


def numbered(evidence: Evidence) -> Iterator[Violation]:
    """Attempts count from 0 without a gap, as far as their submission's end says that there were any."""
    seen: dict[UUID, set[int]] = defaultdict(set)
    for row in evidence.attempts:
        seen[row["submission_id"]].add(row["retry_count"])
    told = {row["submission_id"]: row["processing_attempts"] for row in evidence.answers}
    told |= {row["submission_id"]: row["retry_count"] + 1 for row in evidence.failed_questions}
    for submission in evidence.submissions:
        id = submission["submission_id"]
        missing = set(range(max(told.get(id, 0), *(number + 1 for number in seen[id]), 0))) - seen[id]
        if missing:
            yield Violation(Invariant.ATTEMPT_NUMBERS, f"{_named(submission)} lacks the rows of attempts {sorted(missing)}")


def _lines_of(ledger: Sequence[Asked]) -> dict[UUID, list[Asked]]:
    lines: dict[UUID, list[Asked]] = defaultdict(list)
    for line in ledger:
        lines[line.question_id].append(line)
    return lines


def _ends(evidence: Evidence) -> Counter[UUID]:
    return Counter(row["submission_id"] for row in (*evidence.answers, *evidence.failed_questions))


def _last_submissions(submissions: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    followed = {row["follows"] for row in submissions}
    return [row for row in submissions if row["submission_id"] not in followed]


def _ends_a_broken_record(attempt: Mapping[str, Any]) -> bool:
    """A record that names its question and nothing else that can be read counts as the submission of a message made by hand."""
    return attempt["error_type"] == INVALID_MESSAGE and attempt["submission_id"] == derived_submission_id(attempt["question_id"])


def _named(row: Mapping[str, Any]) -> str:
    return f"submission {row['submission_id']} of question {row['question_id']}"
