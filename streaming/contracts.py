"""Every message of the loop: its fields, how it is read and how it is written.

JSON in UTF-8, key = question_id. Required fields have no default; the others may be missing in a message made by hand and are
always written by us. Unknown fields are kept in `extra` and passed on; what a message of the loop declares is never unknown, so that
no record can fill in the fields of those that follow from it. No other module spells a field name of a message.
"""

import base64
import hashlib
import re
from datetime import UTC, datetime
from typing import Annotated, Any, TypeVar, get_args
from uuid import UUID

import msgspec

from streaming.errors import InvalidMessage
from streaming.identity import derived_submission_id
from streaming.record_json import MAX_DEPTH, cleaned, parse, refuse_unstorable, shortened

Count = Annotated[int, msgspec.Meta(ge=0, le=2**31 - 1)]
# One less than an attempt's number, which must fit as well.
RetryCount = Annotated[int, msgspec.Meta(ge=0, le=2**31 - 2)]
Signed = Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]
Milliseconds = Annotated[float, msgspec.Meta(ge=0, le=1e15)]
Seconds = Annotated[float, msgspec.Meta(ge=0, le=1e9)]
Score = Annotated[float, msgspec.Meta(ge=-1.5, le=1.5)]
QuestionText = Annotated[str, msgspec.Meta(min_length=1)]

# Stand for "missing": filled in from the other fields when a message is made.
_DERIVED = UUID(int=0)
_AT_TIMESTAMP = datetime(1, 1, 1, tzinfo=UTC)

MAX_RAW_BYTES = 64 * 1024
# Of a buried record's question; the question's own row has the whole of it.
MAX_BURIED_TEXT_BYTES = 64 * 1024


class Retries(msgspec.Struct, frozen=True):
    """How often each cause has sent a submission back to the model."""

    overload: Count = 0
    quota: Count = 0
    quality: Count = 0


class BestAttempt(msgspec.Struct, frozen=True, kw_only=True):
    """The highest scored attempt of a submission so far."""

    llm_response: str
    bert_score: Score
    retry_count: RetryCount
    model: str | None = None
    scorer: str | None = None


class Carried(msgspec.Struct, kw_only=True):
    """What travels with a submission from message to message.

    `error_pickup_ms`: of an attempt that follows an error, how long that lay in its topic until its retry consumer took it.
    """

    question_id: UUID
    question_text: QuestionText
    timestamp: datetime
    original_answer: str | None = None
    submission_id: UUID = _DERIVED
    run_id: str | None = None
    requested_model: str | None = None
    retries: Retries | None = None
    best_attempt: BestAttempt | None = None
    first_score: Score | None = None
    created_at: datetime = _AT_TIMESTAMP
    submitted_at: datetime = _AT_TIMESTAMP
    enqueued_at: datetime | None = None
    waited_ms: Milliseconds = 0.0
    error_pickup_ms: Milliseconds | None = None
    extra: dict[str, Any] = {}

    def __post_init__(self) -> None:
        if self.submission_id == _DERIVED:
            self.submission_id = derived_submission_id(self.question_id)
        if self.submitted_at == _AT_TIMESTAMP:
            self.submitted_at = self.timestamp
        if self.created_at == _AT_TIMESTAMP:
            self.created_at = self.submitted_at

    def carried(self) -> dict[str, Any]:
        """Keyword arguments for the submission's next message."""
        return {name: getattr(self, name) for name in _CARRIED}


class Question(Carried, kw_only=True):
    """questions-pending: one model call to make."""

    original_answer: str | None
    retry_count: RetryCount

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.enqueued_at is None:
            self.enqueued_at = self.timestamp


class Attempt(Carried, kw_only=True):
    """What is known of the model call that a message reports; times null where the call never took place."""

    model: str | None = None
    llm_started_at: datetime | None = None
    llm_finished_at: datetime | None = None
    response_time_ms: Milliseconds | None = None
    tokens: Count | None = None
    prompt_tokens: Count | None = None
    truncated: bool = False

    def call(self) -> dict[str, Any]:
        """Keyword arguments that pass the model call on to the next message."""
        return {name: getattr(self, name) for name in _CALL}


class Response(Attempt, kw_only=True):
    """llm-responses-success: an answer to be scored."""

    original_answer: str | None
    retry_count: RetryCount
    llm_response: str
    response_time_ms: Milliseconds


class Overload(Attempt, kw_only=True):
    """llm-responses-error-overload: the model was busy or broke off. `error_kind` is what happened, such as http_503 or deadline."""

    retry_count: RetryCount
    error_type: str
    error_message: str
    retry_after_seconds: Seconds | None = None
    error_kind: str | None = None


class Quota(Attempt, kw_only=True):
    """llm-responses-error-quota: a usage limit was reached."""

    retry_count: RetryCount
    error_type: str
    retry_after_seconds: Seconds
    error_message: str = ""


class Fatal(Attempt, kw_only=True):
    """llm-responses-error-fatal: no further attempt is made; `error_type` is the cause."""

    retry_count: RetryCount
    error_type: str
    error_message: str


class Scored(Attempt, kw_only=True):
    """low-quality-responses: an attempt that scored below the threshold."""

    original_answer: str | None
    llm_response: str
    bert_score: Score | None
    processing_attempts: Annotated[int, msgspec.Meta(ge=1, le=2**31 - 1)]
    total_processing_time_ms: Milliseconds
    scorer: str | None = None
    scored_at: datetime | None = None

    @property
    def retry_count(self) -> int:
        return self.processing_attempts - 1


PASSED, BEST_ATTEMPT, UNSCORED = "passed", "best_attempt", "unscored"


class Validated(Scored, kw_only=True):
    """validated-responses: the answer of a submission."""

    accepted_as: str = ""
    accepted_retry_count: RetryCount | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.accepted_as:
            self.accepted_as = UNSCORED if self.bert_score is None else PASSED
        if self.accepted_as not in (PASSED, BEST_ATTEMPT, UNSCORED):
            raise ValueError(f"`accepted_as` is {self.accepted_as!r}; allowed: {PASSED}, {BEST_ATTEMPT}, {UNSCORED}")
        if self.accepted_retry_count is None:
            self.accepted_retry_count = self.retry_count


class DeadLetter(msgspec.Struct, kw_only=True):
    """dead-letters: a record that nobody could use, where it lay and why it was refused."""

    topic: str
    partition: int
    offset: Signed
    reason: str
    raw: str
    length: Count
    sha256: str
    timestamp: datetime
    question_id: UUID | None = None
    extra: dict[str, Any] = {}


OVERLOAD, QUOTA = "overload", "quota"

# Causes of a permanent failure, the `error_type` of a fatal message.
OVERLOAD_EXHAUSTED = "overload_exhausted"
QUOTA_EXHAUSTED = "quota_exhausted"
MODEL_MISSING = "model_missing"
MODEL_FORBIDDEN = "model_forbidden"
NO_MODEL_REPLY = "no_model_reply"
REFUSED_BY_MODEL = "refused_by_model"
PROMPT_TOO_LONG = "prompt_too_long"
CONTENT_FILTERED = "content_filtered"
INVALID_MESSAGE = "invalid_message"
UNSCORABLE = "unscorable"
CAUSES = (
    *(OVERLOAD_EXHAUSTED, QUOTA_EXHAUSTED, MODEL_MISSING, MODEL_FORBIDDEN, NO_MODEL_REPLY, REFUSED_BY_MODEL),
    *(PROMPT_TOO_LONG, CONTENT_FILTERED, INVALID_MESSAGE, UNSCORABLE),
)

# Errors after which a question is asked again. Another one is a message here, and a row of `retry_policy.RULES`.
Retryable = Overload | Quota
OfQuestion = Question | Response | Retryable | Fatal | Scored | Validated
Message = OfQuestion | DeadLetter
M = TypeVar("M", bound=Message)

_PER_MESSAGE = {"timestamp"}
_CARRIED = [name for name in Carried.__struct_fields__ if name not in _PER_MESSAGE]
_CALL = [name for name in Attempt.__struct_fields__ if name not in Carried.__struct_fields__]
_DERIVABLE = ("submission_id", "created_at", "submitted_at", "waited_ms", "truncated", "accepted_as", "error_message")
_OF_THE_LOOP = get_args(OfQuestion)  # nothing follows from a dead letter
_DECLARED = {name for kind in _OF_THE_LOOP for name in kind.__struct_fields__} - {"extra"}

_MISMATCH = re.compile(r"Expected `(?P<expected>[^`]+)`, got `(?P<got>\w+)`")
_ADVICE_ON_TIME = "write a time as text in ISO 8601 UTC, such as 2026-05-01T12:00:00Z"


def decode(kind: type[M], value: bytes | None) -> M:
    """The message in a record's value.

    Raises InvalidMessage with a reason that names the field.
    """
    raw = parse(value)
    known = set(kind.__struct_fields__) - {"extra"}
    fields = {name: item for name, item in raw.items() if name in known and not (item is None and name in _DERIVABLE)}
    fields["extra"] = {name: item for name, item in raw.items() if name not in known and name not in _DECLARED}
    try:
        message = msgspec.convert(fields, kind)
        _to_utc(message)
    except (msgspec.ValidationError, OverflowError) as err:
        raise InvalidMessage(cleaned(f"{err}{_advice(str(err))}")) from err
    return message


def encode(message: Message) -> bytes:
    """The record value of a message.

    Raises InvalidMessage for what JSON or PostgreSQL cannot hold: NaN, infinity, NUL, lone surrogates, more than 64 levels.
    """
    try:
        fields = msgspec.to_builtins(message)
    except RecursionError as err:
        raise InvalidMessage(f"the message is nested deeper than {MAX_DEPTH} levels") from err
    extra = fields.pop("extra")
    fields.update((name, item) for name, item in extra.items() if name not in fields)
    refuse_unstorable(fields)
    try:
        return msgspec.json.encode(fields)
    except UnicodeEncodeError as err:
        raise InvalidMessage(f"text holds a lone surrogate: {err.reason}") from err


def readable_question_id(value: bytes | None) -> UUID | None:
    """The question_id of a record that may be broken otherwise, None if even that cannot be read."""
    try:
        return UUID(msgspec.json.decode(value or b"")["question_id"])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, ValueError, TypeError, KeyError, AttributeError):
        return None


def dead_letter(topic: str, partition: int, offset: int, value: bytes | None, reason: str, now: datetime) -> DeadLetter:
    """The dead letter of a record: its place, the reason (cleaned, at most 1 KiB) and the first 64 KiB of its value. Never fails."""
    raw = value or b""
    return DeadLetter(
        topic=topic,
        partition=partition,
        offset=offset,
        reason=cleaned(reason),
        raw=base64.b64encode(raw[:MAX_RAW_BYTES]).decode(),
        length=len(raw),
        sha256=hashlib.sha256(raw).hexdigest(),
        timestamp=now,
        question_id=readable_question_id(value),
    )


def fatal_for_dead_letter(value: bytes | None, cause: str, reason: str, now: datetime) -> Fatal | None:
    """The fatal message that ends the wait for a question whose record was refused; None if nobody can tell which it was.

    Never fails, and stays far below what a topic takes: of a long question it holds the beginning.
    """
    question = readable_question_id(value)
    if question is None:
        return None
    raw = msgspec.json.decode(value or b"")
    text, submission = raw.get("question_text"), raw.get("submission_id")
    try:
        submission_id = UUID(submission) if isinstance(submission, str) else _DERIVED
    except ValueError:
        submission_id = _DERIVED
    count = raw.get("retry_count")
    return Fatal(
        question_id=question,
        question_text=_start_of(text) if isinstance(text, str) and text else "(unreadable)",
        submission_id=submission_id,
        retry_count=count if type(count) is int and 0 <= count < 2**31 - 1 else 0,
        error_type=cause,
        error_message=cleaned(reason),
        timestamp=now,
    )


def _to_utc(message: Message) -> None:
    for name in message.__struct_fields__:
        value = getattr(message, name)
        if isinstance(value, datetime):
            setattr(message, name, value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC))


def _start_of(text: str) -> str:
    return shortened(text.replace("\0", "\ufffd"), MAX_BURIED_TEXT_BYTES)


def _advice(error: str) -> str:
    """What to do about a common mistake, to be added to the error; empty for others."""
    if "Invalid RFC3339" in error:
        return f"; {_ADVICE_ON_TIME}"
    mismatch = _MISMATCH.search(error)
    if mismatch is None:
        return ""
    expected, got = mismatch["expected"], mismatch["got"]
    if "datetime" in expected and got in ("int", "float"):
        return f"; a number, as of epoch times, is no time here: {_ADVICE_ON_TIME}"
    if got == "str" and ("int" in expected or "float" in expected):
        return "; a number is given as text: write it without quotes"
    return ""
