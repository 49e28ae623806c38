"""Changes to evidence, each of them to something that is there: a change that meets nothing would prove nothing."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any
from uuid import UUID

import msgspec

from streaming import topics
from streaming.contracts import decode, encode
from streaming.identity import question_id
from streaming.topics import MESSAGE_OF
from tests.chaos.evidence import Call, Commit, Evidence, Record
from tests.unit.chaos.loop import ANSWER_SET

Row = dict[str, Any]


def id_of(text: str) -> UUID:
    return question_id(ANSWER_SET, text)


def row_of(evidence: Evidence, table: str, text: str, **match: Any) -> Row:
    """The one row of a question."""
    (row,) = [row for row in getattr(evidence, table) if _meets(row, text, match)]
    return dict(row)


def with_row(evidence: Evidence, table: str, row: Row) -> Evidence:
    return replace(evidence, **{table: (*getattr(evidence, table), row)})


def without_rows(evidence: Evidence, table: str, text: str, **match: Any) -> Evidence:
    kept = tuple(row for row in getattr(evidence, table) if not _meets(row, text, match))
    assert len(kept) < len(getattr(evidence, table))
    return replace(evidence, **{table: kept})


def with_fields(evidence: Evidence, table: str, text: str, fields: Row, **match: Any) -> Evidence:
    """The one row of a question, with other fields."""
    row = row_of(evidence, table, text, **match)
    return with_row(without_rows(evidence, table, text, **match), table, row | fields)


def message_of(evidence: Evidence, topic: str, text: str, retry_count: int) -> Any:
    """The message about an attempt, the first of several."""
    return _messages(evidence, topic, text, retry_count)[0][1]


def without_messages(evidence: Evidence, topic: str, text: str, retry_count: int) -> Evidence:
    gone = [record for record, _ in _messages(evidence, topic, text, retry_count)]
    return replace(evidence, records=tuple(record for record in evidence.records if record not in gone))


def with_message(evidence: Evidence, topic: str, message: Any) -> Evidence:
    """A message more, at the end of a partition that takes it."""
    return with_record(evidence, topic, encode(message), int(message.timestamp.timestamp() * 1000) + 1)


def with_record(evidence: Evidence, topic: str, value: bytes, timestamp_ms: int = 0) -> Evidence:
    end = evidence.log_ends[topic, 0]
    record = Record(topic, 0, end, timestamp_ms, b"key", value)
    commits = [commit for commit in evidence.commits if (commit.topic, commit.partition) == (topic, 0)]
    further = tuple(replace(commit, at=commit.at + 1e6, offset=end + 1) for commit in commits)
    ends = {**evidence.log_ends, (topic, 0): end + 1}
    return replace(evidence, records=(*evidence.records, record), log_ends=ends, commits=(*evidence.commits, *further))


def with_message_fields(evidence: Evidence, topic: str, text: str, retry_count: int, /, **fields: Any) -> Evidence:
    """Every message about the attempt, with other fields."""
    changed = {
        record: encode(msgspec.structs.replace(message, **fields)) for record, message in _messages(evidence, topic, text, retry_count)
    }
    records = tuple(replace(record, value=changed[record]) if record in changed else record for record in evidence.records)
    return replace(evidence, records=records)


def with_records(evidence: Evidence, topic: str, change: Callable[[Record], Record], chosen: Callable[[Record], bool]) -> Evidence:
    """The topic's chosen records, changed."""
    records = tuple(change(record) if record.topic == topic and chosen(record) else record for record in evidence.records)
    assert records != evidence.records
    return replace(evidence, records=records)


def with_calls(evidence: Evidence, text: str, change: Callable[[Call], tuple[Call, ...]]) -> Evidence:
    """What the change makes of each call with this prompt."""
    calls = tuple(new for call in evidence.calls for new in (change(call) if call.prompt == text else (call,)))
    assert calls != evidence.calls
    return replace(evidence, calls=calls)


def with_last_commit(evidence: Evidence, group: str, topic: str, change: Callable[[Commit], tuple[Commit, ...]]) -> Evidence:
    """What the change makes of the last commit of this group in this topic."""
    commit = max((each for each in evidence.commits if (each.group, each.topic) == (group, topic)), key=lambda each: (each.at, each.offset))
    kept = tuple(each for each in evidence.commits if each != commit)
    return replace(evidence, commits=(*kept, *change(commit)))


def is_about(text: str, retry_count: int) -> Callable[[Record], bool]:
    """Whether a record is about this attempt."""

    def chosen(record: Record) -> bool:
        if record.topic == topics.DEAD_LETTERS or str(id_of(text)).encode() != record.key:
            return False
        return bool(decode(MESSAGE_OF[record.topic], record.value).retry_count == retry_count)

    return chosen


def _messages(evidence: Evidence, topic: str, text: str, retry_count: int) -> list[tuple[Record, Any]]:
    chosen = is_about(text, retry_count)
    found = [(record, decode(MESSAGE_OF[topic], record.value)) for record in evidence.records if record.topic == topic and chosen(record)]
    assert found
    return found


def _meets(row: Any, text: str, match: Row) -> bool:
    return row["question_id"] == id_of(text) and all(row[name] == value for name, value in match.items())
