"""What the API takes and gives, as OpenAPI tells it. Replies are built in `states`; the reply models here describe them."""

import unicodedata
from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from streaming.names import Name

# Letters and symbols by their category, and yet nothing to see: fillers of Hangul and the empty Braille pattern.
_BLANK = "\u115f\u1160\u3164\uffa0\u2800"
MAX_QUESTION_CHARACTERS = 8000
MAX_WAIT_S = 60


def _storable(value: str) -> str:
    if "\0" in value:
        raise ValueError("holds a NUL character")
    try:
        value.encode()
    except UnicodeEncodeError as err:
        raise ValueError("holds a lone surrogate") from err
    return value


def _asks_something(value: str) -> str:
    shown = unicodedata.normalize("NFKC", value)
    if not any(unicodedata.category(character)[0] in "LNPS" and character not in _BLANK for character in shown):
        raise ValueError("is blank")
    return value


Text = Annotated[str, AfterValidator(_storable)]


class QuestionIn(BaseModel):
    """A question, and where its answer belongs."""

    model_config = ConfigDict(extra="forbid")

    question_text: Annotated[Text, Field(min_length=1, max_length=MAX_QUESTION_CHARACTERS), AfterValidator(_asks_something)]
    original_answer: Text | None = Field(None, description="the human reference that the answer is scored against")
    answer_set: Name = "default"
    run_id: Name | None = None
    model: Name | None = Field(None, description="null: the configured model")
    callback_url: str | None = Field(None, description="where the result is sent once the question has ended; its host must be allowed")


class ReplayIn(BaseModel):
    """Which failed submission to repeat."""

    model_config = ConfigDict(extra="forbid")

    submission_id: UUID
    model: Name | None = Field(None, description="null: the one that was asked for before")
    replay_id: Name | None = Field(None, description="the replay of many failures that this is part of")


class Found(BaseModel):
    """The question has an answer."""

    status: Literal["found"]
    source: Literal["cache", "database"]
    question_id: UUID
    submission_id: UUID
    answer: str
    bert_score: float | None
    first_score: float | None
    accepted_as: Literal["passed", "best_attempt", "unscored"]
    accepted_retry_count: int
    processing_attempts: int
    total_processing_time_ms: float
    model: str | None
    scorer: str | None
    resolved_at: datetime | None = Field(description="when the answer was stored; null for one that was cached without it")


class Pending(BaseModel):
    """The question is on its way."""

    status: Literal["pending"]
    question_id: UUID
    submission_id: UUID
    poll_after_ms: int
    replayed_as: UUID | None = None


class Failure(BaseModel):
    """Why a question has no answer."""

    cause: str
    message: str
    retry_count: int


class Error(BaseModel):
    """The question failed; only a replay asks it again."""

    status: Literal["error"]
    question_id: UUID
    submission_id: UUID
    error: Failure
    resolved_at: datetime | None = Field(description="when the failure was stored")


class Replayed(BaseModel):
    """The submission was replayed before; `state` is what the question has come to since."""

    status: Literal["replayed"]
    question_id: UUID
    submission_id: UUID
    replayed_as: UUID
    state: Found | Pending | Error


class Requeued(BaseModel):
    """What requeue-stuck did; the lists name at most 100."""

    at_rest: bool
    busy: list[str]
    requeued: int
    question_ids: list[UUID]


class Detail(BaseModel):
    """Why a request was refused."""

    detail: str


class BadField(BaseModel):
    """One thing wrong with the input."""

    loc: list[str | int]
    msg: str
    type: str


class BadInput(BaseModel):
    """Everything wrong with the input."""

    detail: list[BadField]


REFUSALS: dict[int | str, dict[str, Any]] = {
    401: {"model": Detail, "description": "the bearer token is missing or wrong"},
    408: {"model": Detail, "description": "the body did not arrive in time"},
    413: {"model": Detail, "description": "the body is over 64 KiB"},
    422: {"model": BadInput, "description": "the input is wrong; `loc` names the field"},
    503: {"model": Detail, "description": "storage is away, or too many questions wait; try again after Retry-After seconds"},
}
