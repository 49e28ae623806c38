"""What Kafka alone must show: positions that only grow, up to the ends of the logs, and records that somebody can read. Pure."""

import hashlib
from collections.abc import Iterator, Mapping
from typing import Any
from uuid import UUID

from streaming import contracts, topics
from streaming.topics import CONSUMED_BY
from tests.chaos.evidence import Commit, Evidence, Record, Violation
from tests.chaos.invariants import Invariant
from tests.chaos.messages import Messages, Told, place

BURIED_AS = (contracts.INVALID_MESSAGE, contracts.UNSCORABLE)

Position = tuple[str, str, int]


def never_back(evidence: Evidence) -> Iterator[Violation]:
    last: dict[Position, Commit] = {}
    for commit in sorted(evidence.commits, key=lambda each: each.at):
        before = last.get(_position(commit))
        if before is not None and commit.offset < before.offset:
            detail = f"{_named(commit)} went back from {before.offset} to {commit.offset} at {commit.at:.3f}"
            yield Violation(Invariant.OFFSETS_FORWARD, detail)
        last[_position(commit)] = commit


def within_log(evidence: Evidence) -> Iterator[Violation]:
    for commit in evidence.commits:
        end = evidence.log_ends.get((commit.topic, commit.partition), 0)
        if commit.offset > end:
            yield Violation(Invariant.OFFSETS_IN_LOG, f"{_named(commit)} is at {commit.offset}, the log ends at {end}")


def caught_up(evidence: Evidence) -> Iterator[Violation]:
    """At the last look every group has committed the end of each log that it reads; nothing need be committed of an empty one."""
    last = {_position(commit): commit.offset for commit in sorted(evidence.commits, key=lambda each: each.at)}
    for group, consumed in CONSUMED_BY.items():
        for (topic, partition), end in evidence.log_ends.items():
            offset = last.get((group, topic, partition), 0)
            if topic in consumed and offset < end:
                yield Violation(Invariant.CAUGHT_UP, f"{group} in {topic}[{partition}] is at {offset}, the log ends at {end}")


def readable(messages: Messages) -> Iterator[Violation]:
    """What no reader of the topic could use lies in the dead letters."""
    buried = set(_letters_by_place(messages))
    for record, reason in messages.unreadable:
        if record.topic == topics.DEAD_LETTERS or place(record) not in buried:
            yield Violation(Invariant.READABLE, f"{_place(record)} is no message and has no dead letter: {reason}")


def about_asked_questions(evidence: Evidence, messages: Messages) -> Iterator[Violation]:
    """Nobody else's, but for what was refused as such, and the message that ends its question, whoever's that is."""
    asked = {line.question_id for line in evidence.ledger}
    letters = _letters_by_place(messages)
    buried = {letter.message.question_id for letter in letters.values()}
    for topic in topics.MESSAGE_OF:
        if topic == topics.DEAD_LETTERS:
            continue
        for record, message in messages.of_topic(topic):
            refused = place(record) in letters or (message.question_id in buried and _is_burial(topic, message))
            if message.question_id not in asked and not refused:
                yield Violation(Invariant.NO_STRANGERS, f"{_place(record)} is about question {message.question_id}, which nobody asked")


def buried_well(evidence: Evidence, messages: Messages) -> Iterator[Violation]:
    """A dead letter holds the record at its place, and a question that can be told from it has ended, in messages and in rows."""
    asked = {line.question_id for line in evidence.ledger}
    records = {place(record): record for record in evidence.records}
    attempts = {(row["submission_id"], row["retry_count"]) for row in evidence.attempts}
    fatal = _burials_by_question(messages)
    for where, letter in _letters_by_place(messages).items():
        named = f"the dead letter of {where[0]}[{where[1]}]@{where[2]}"
        record = records.get(where)
        if record is None or hashlib.sha256(record.value or b"").hexdigest() != letter.message.sha256:
            yield Violation(Invariant.DEAD_LETTERS, f"{named} holds another record than lies there")
        question = letter.message.question_id
        if question not in asked or where[0] == topics.FATAL:
            continue
        if question not in fatal:
            yield Violation(Invariant.DEAD_LETTERS, f"{named} has no message that ends question {question}")
        elif not any((each.submission_id, each.retry_count) in attempts for each in fatal[question]):
            yield Violation(Invariant.DEAD_LETTERS, f"{named} has no row among the attempts of question {question}")
    buried = {letter.message.question_id for letter in messages.of_topic(topics.DEAD_LETTERS)}
    for row in evidence.dead_letters:
        if row["question_id"] not in buried:
            detail = f"attempt {row['retry_count']} of submission {row['submission_id']} ended as {row['error_type']} without a dead letter"
            yield Violation(Invariant.DEAD_LETTERS, detail)


def _letters_by_place(messages: Messages) -> Mapping[tuple[str, int, int], Told]:
    letters = messages.of_topic(topics.DEAD_LETTERS)
    return {(each.message.topic, each.message.partition, each.message.offset): each for each in letters}


def _burials_by_question(messages: Messages) -> dict[UUID, list[Any]]:
    found: dict[UUID, list[Any]] = {}
    for _, message in messages.of_topic(topics.FATAL):
        if _is_burial(topics.FATAL, message):
            found.setdefault(message.question_id, []).append(message)
    return found


def _is_burial(topic: str, message: Any) -> bool:
    return topic == topics.FATAL and message.error_type in BURIED_AS


def _position(commit: Commit) -> Position:
    return commit.group, commit.topic, commit.partition


def _named(commit: Commit) -> str:
    return f"{commit.group} in {commit.topic}[{commit.partition}]"


def _place(record: Record) -> str:
    return f"{record.topic}[{record.partition}]@{record.offset}"
