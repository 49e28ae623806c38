"""What is left of a run: plain values that the checker reads."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal
from uuid import UUID

Fate = Literal["acknowledged", "refused", "unknown"]


@dataclass(frozen=True)
class Asked:
    """A line of the client's ledger: one POST of a question. A POST without a reply is `unknown`."""

    question_text: str
    question_id: UUID
    submission_id: UUID | None
    at: float  # epoch seconds
    fate: Fate
    status: int | None


@dataclass(frozen=True)
class Record:
    """A record of a topic, read from offset 0."""

    topic: str
    partition: int
    offset: int
    timestamp_ms: int
    key: bytes | None
    value: bytes | None


@dataclass(frozen=True)
class Commit:
    """A committed offset as it was seen at a moment; `offset` is the next record to be read."""

    at: float  # epoch seconds
    group: str
    topic: str
    partition: int
    offset: int


@dataclass(frozen=True)
class Call:
    """A call as the model's server saw it. `answer` is the text that it gave; `outcome` its own word for how the call went."""

    prompt: str
    model: str
    begun_at: float  # epoch seconds
    ended_at: float
    outcome: str
    answer: str | None


@dataclass(frozen=True)
class Evidence:
    """Everything at rest, after a run. Rows are those of the run's answer set, as PostgreSQL gives them."""

    answer_set: str
    ledger: tuple[Asked, ...]
    records: tuple[Record, ...]
    log_ends: Mapping[tuple[str, int], int]
    commits: tuple[Commit, ...]
    questions: tuple[Mapping[str, Any], ...]
    submissions: tuple[Mapping[str, Any], ...]
    answers: tuple[Mapping[str, Any], ...]
    attempts: tuple[Mapping[str, Any], ...]
    failed_questions: tuple[Mapping[str, Any], ...]
    dead_letters: tuple[Mapping[str, Any], ...]
    cache: Mapping[UUID, Mapping[str, Any]]
    calls: tuple[Call, ...]


@dataclass(frozen=True)
class Violation:
    """A broken invariant: its name, and a sentence that says of what and where."""

    invariant: str
    detail: str
