"""Whether what was answered, failed and cached is what the model said and the scores make of it. Pure."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any
from uuid import UUID

import msgspec

from streaming import topics
from streaming.contracts import BEST_ATTEMPT, PASSED, UNSCORED
from streaming.storage.states import Answered, state_of
from tests.chaos.checks_retries import CLOCKS_S
from tests.chaos.evidence import Call, Evidence, Violation
from tests.chaos.invariants import Invariant
from tests.chaos.messages import Messages, place

SAME_SCORE = 1e-5
"""A pair's score depends a little on the batch that it is scored in."""


def words_of_the_model(evidence: Evidence, messages: Messages) -> Iterator[Violation]:
    """A response holds what the model said in a call of that time; a row holds a response of its own attempt."""
    calls: dict[str, list[Call]] = defaultdict(list)
    for call in evidence.calls:
        calls[call.prompt].append(call)
    for record, response in messages.of_topic(topics.SUCCESS):
        if not any(_said(call, response) for call in calls[response.question_text]):
            topic, partition, offset = place(record)
            detail = f"{topic}[{partition}]@{offset}: the model said no such thing to this question between the call's start and end"
            yield Violation(Invariant.WORDS_OF_THE_MODEL, detail)
    rows = [("the answer", row["accepted_retry_count"], row) for row in evidence.answers]
    rows += [("the row", row["retry_count"], row) for row in evidence.attempts if row["llm_response"] is not None]
    for what, number, row in rows:
        responses = messages.of_attempt(topics.SUCCESS, row["submission_id"], number)
        if not any(response.llm_response == row["llm_response"] for _, response in responses):
            detail = f"{what} of attempt {number} of submission {row['submission_id']} is no response of that attempt"
            yield Violation(Invariant.WORDS_OF_THE_MODEL, detail)


def best(evidence: Evidence, threshold: float) -> Iterator[Violation]:
    """An answer passed, has no score, or is the best of its submission; a failure has no scored attempt."""
    scored: dict[UUID, list[Mapping[str, Any]]] = defaultdict(list)
    for attempt in evidence.attempts:
        if attempt["bert_score"] is not None:
            scored[attempt["submission_id"]].append(attempt)
    for row in evidence.answers:
        named = f"the answer of submission {row['submission_id']}, {row['accepted_as']} with {row['bert_score']}"
        if not _fits(row["accepted_as"], row["bert_score"], threshold):
            yield Violation(Invariant.BEST_ANSWER, f"{named}, does not fit the threshold {threshold}")
        elif row["accepted_as"] == BEST_ATTEMPT:
            rivals = [each for each in scored[row["submission_id"]] if each["retry_count"] < row["processing_attempts"]]
            better = [each["retry_count"] for each in rivals if each["bert_score"] > row["bert_score"] + SAME_SCORE]
            if better:
                yield Violation(Invariant.BEST_ANSWER, f"{named}, scored lower than attempts {sorted(better)}")
    for row in evidence.failed_questions:
        known = [each["retry_count"] for each in scored[row["submission_id"]] if each["stored_at"] <= row["failed_at"]]
        if known:
            yield Violation(Invariant.BEST_ANSWER, f"submission {row['submission_id']} failed, its attempts {known} have scores")


def told(evidence: Evidence, messages: Messages) -> Iterator[Violation]:
    """Every end in the tables was told by a message."""
    validated = {(message.submission_id, message.llm_response) for _, message in messages.of_topic(topics.VALIDATED)}
    fatal = {(message.submission_id, message.retry_count, message.error_type) for _, message in messages.of_topic(topics.FATAL)}
    fallen = {submission for submission, _, _ in fatal}
    for row in evidence.answers:
        by_fatal = row["accepted_as"] == BEST_ATTEMPT and row["submission_id"] in fallen
        if (row["submission_id"], row["llm_response"]) not in validated and not by_fatal:
            yield Violation(Invariant.STORED_STATE, f"no message told the answer of submission {row['submission_id']}")
    for row in evidence.failed_questions:
        if (row["submission_id"], row["retry_count"], row["cause"]) not in fatal:
            detail = f"no message told that submission {row['submission_id']} failed of {row['cause']} at attempt {row['retry_count']}"
            yield Violation(Invariant.STORED_STATE, detail)


def cached(evidence: Evidence) -> Iterator[Violation]:
    """What Redis holds is what PostgreSQL would have said."""
    questions = {row["question_id"]: row for row in evidence.questions}
    answers = {row["question_id"]: row for row in evidence.answers}
    for question, entry in evidence.cache.items():
        if question not in questions or question not in answers:
            yield Violation(Invariant.CACHE, f"Redis has an answer to question {question}, PostgreSQL has none")
            continue
        row = {**answers[question], **questions[question], "model": answers[question]["model"]}
        try:
            held = msgspec.convert(entry, Answered)
        except msgspec.ValidationError as err:
            yield Violation(Invariant.CACHE, f"Redis holds for question {question} what is no answer: {err}")
            continue
        stored = state_of({**row, "answer": row["llm_response"], "status": "answered"})
        different = [name for name in Answered.__struct_fields__ if getattr(held, name) != getattr(stored, name)]
        if different:
            yield Violation(Invariant.CACHE, f"Redis differs from PostgreSQL for question {question} in {', '.join(different)}")


def _said(call: Call, response: Any) -> bool:
    """Only the start of a call is compared: the client may have read the answer before the server notes that it has sent it."""
    if call.answer != response.llm_response or response.llm_started_at is None or response.llm_finished_at is None:
        return False
    return response.llm_started_at.timestamp() - CLOCKS_S <= call.begun_at <= response.llm_finished_at.timestamp() + CLOCKS_S


def _fits(accepted_as: str, score: float | None, threshold: float) -> bool:
    if score is None:
        return accepted_as == UNSCORED
    return accepted_as == (PASSED if score >= threshold else BEST_ATTEMPT)
