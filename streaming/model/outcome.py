"""What a model's reply means: one pure function, one table."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import TypeVar

from streaming.contracts import (
    CONTENT_FILTERED,
    MODEL_FORBIDDEN,
    MODEL_MISSING,
    NO_MODEL_REPLY,
    PROMPT_TOO_LONG,
    REFUSED_BY_MODEL,
)
from streaming.model.server import Failure, NoReply, Problem, Reply, Success, is_page
from streaming.retry_policy import MAX_OVERLOAD_RETRY_AFTER_S, quota_delay_s

T = TypeVar("T")

# Whatever a server says: a message must hold it.
MAX_SAID_CHARACTERS = 600
MAX_LOCATION_CHARACTERS = 500
MAX_COUNT = 2**31 - 1

_LIMIT_NAMED = re.compile(r"usage limit|quota", re.IGNORECASE)
_SECONDS = re.compile(r"\d+(\.\d+)?", re.ASCII)
_UNUSABLE = re.compile("[\0\ud800-\udfff]")


@dataclass(frozen=True)
class Overloaded:
    """The model was busy or broke off. `busy`: it said so, or took too long; a broken reply says nothing about its load.

    `kind` names what happened, for those who count: `http_` and the status, or one of those below.
    """

    message: str
    kind: str
    busy: bool
    retry_after_s: float | None = None


DEADLINE, BROKEN_REPLY, RESET = "deadline", "broken_reply", "reset"


@dataclass(frozen=True)
class QuotaReached:
    """A usage limit was reached; ask again after so many seconds (1..3600)."""

    message: str
    retry_after_s: float


@dataclass(frozen=True)
class Refused:
    """This question's own fault; asking the same model again would not help."""

    cause: str
    message: str


@dataclass(frozen=True)
class Unavailable:
    """Nobody's question is at fault, as far as one call can tell.

    `own_fault`: what becomes of the question if the same befalls it again, alone at the model, after the configured model has answered a
    probe. None: a question cannot be the reason.
    """

    message: str
    own_fault: Overloaded | Refused | None = None


Outcome = Success | Overloaded | QuotaReached | Refused | Unavailable


def outcome_of(result: Reply | NoReply, now: datetime, requested_other_model: bool) -> Outcome:
    """What follows from a call. Total: every status, headers and body have exactly one outcome.

    `requested_other_model`: the question named a model that is not the configured one.
    """
    if isinstance(result, NoReply):
        return _of_no_reply(result)
    status = result.status
    if 300 <= status < 400:
        return _no_model_reply(f"{_named(status)}: {result.address} sends on to {_redirect(result.headers)}, which is not followed")
    if (200 <= status < 300 or status == HTTPStatus.NOT_FOUND) and is_page(result.headers):
        return _no_model_reply(f"{_named(status)}: {result.address} answers with a web page and no model server's reply: {_said(result)}")
    message = f"{_named(status)}: {_said(result)}"
    retry_after = _retry_after_s(result.headers.get("retry-after"), now)
    if retry_after is None:
        retry_after = result.resets_in_s
    if result.problem is not None:
        return _of_problem(result, result.problem, message, retry_after, requested_other_model)
    if 200 <= status < 300:
        return _of_answer(result)
    if status == HTTPStatus.PAYMENT_REQUIRED or (status == HTTPStatus.TOO_MANY_REQUESTS and _LIMIT_NAMED.search(message)):
        return QuotaReached(message, quota_delay_s(retry_after))
    if status in (HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.TOO_MANY_REQUESTS):
        return Overloaded(message, f"http_{status}", busy=True, retry_after_s=_capped(retry_after))
    if status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
        return _no_access(f"{message} (from {result.address})", requested_other_model)
    if status == HTTPStatus.NOT_FOUND:
        return _model_missing(result, message, requested_other_model)
    if 400 <= status < 500:
        return Refused(REFUSED_BY_MODEL, message)
    return Overloaded(message, f"http_{status}", busy=False, retry_after_s=_capped(retry_after))


def _of_problem(reply: Reply, problem: Problem, message: str, retry_after: float | None, requested_other_model: bool) -> Outcome:
    match problem:
        case Problem.BUSY:
            return Overloaded(message, f"http_{reply.status}", busy=True, retry_after_s=_capped(retry_after))
        case Problem.QUOTA:
            return QuotaReached(message, quota_delay_s(retry_after))
        case Problem.PROMPT_TOO_LONG:
            return Refused(PROMPT_TOO_LONG, message)
        case Problem.MODEL_MISSING:
            return _model_missing(reply, message, requested_other_model)
        case Problem.CONTENT_FILTERED:
            return Refused(CONTENT_FILTERED, message)


def _model_missing(reply: Reply, message: str, requested_other_model: bool) -> Refused | Unavailable:
    if requested_other_model:
        return Refused(MODEL_MISSING, message)
    command = f" (`{reply.install_command}`)" if reply.install_command else ""
    return Unavailable(f"{message}; install the model{command} or set ANSWERLOOP_MODEL to one that is there")


def clean(text: str) -> str:
    """NUL and lone surrogates replaced: neither JSON nor PostgreSQL can hold them."""
    return _UNUSABLE.sub("\ufffd", text)


def _of_no_reply(result: NoReply) -> Outcome:
    message = f"{result.failure}: {clean(result.detail)}" if result.detail else str(result.failure)
    match result.failure:
        case Failure.DEADLINE:
            return Overloaded(message, DEADLINE, busy=True)
        case Failure.RESET:
            # A question that kills the model causes this too.
            return Unavailable(
                message, Overloaded(f"{message}; the same had happened before the model answered a probe", RESET, busy=False)
            )
        case Failure.CANNOT_CONNECT:
            return Unavailable(message)


def _no_access(message: str, requested_other_model: bool) -> Unavailable:
    if requested_other_model:
        return Unavailable(message, Refused(MODEL_FORBIDDEN, f"{message}, twice for the requested model; the configured one answers"))
    return Unavailable(message, Refused(REFUSED_BY_MODEL, f"{message}, twice for this question; others are answered"))


def _no_model_reply(message: str) -> Unavailable:
    return Unavailable(message, Refused(NO_MODEL_REPLY, f"{message}; twice for this question, while the model answers others"))


def _redirect(headers: Mapping[str, str]) -> str:
    return clean(headers.get("location", ""))[:MAX_LOCATION_CHARACTERS] or "no other"


def _of_answer(reply: Reply) -> Success | Overloaded:
    if reply.answer is None:
        return _broken(_said(reply))
    answer = reply.answer
    if not answer.text.strip():
        return _broken("the reply is empty")
    return replace(
        answer,
        text=clean(answer.text),
        model=clean(answer.model) if answer.model else None,
        tokens=_count(answer.tokens),
        prompt_tokens=_count(answer.prompt_tokens),
    )


def _broken(message: str) -> Overloaded:
    return Overloaded(message, BROKEN_REPLY, busy=False)


def _count(value: int | None) -> int | None:
    return value if value is not None and 0 <= value <= MAX_COUNT else None


def _said(reply: Reply) -> str:
    return clean(reply.says)[:MAX_SAID_CHARACTERS] or "no text"


def _retry_after_s(header: str | None, now: datetime) -> float | None:
    """Seconds from now; None where there is no header or it is neither seconds nor an HTTP date."""
    if header is None:
        return None
    text = header.strip()
    if _SECONDS.fullmatch(text):
        return float(text)
    date = _attempt(lambda: parsedate_to_datetime(text), (ValueError, TypeError, IndexError, OverflowError))
    if date is None:
        return None
    return max(((date if date.tzinfo else date.replace(tzinfo=UTC)) - now).total_seconds(), 0.0)


def _capped(retry_after: float | None) -> float | None:
    return None if retry_after is None else min(retry_after, MAX_OVERLOAD_RETRY_AFTER_S)


def _named(status: int) -> str:
    name = _attempt(lambda: HTTPStatus(status).phrase, (ValueError,))
    return f"{status} {name}" if name else str(status)


def _attempt(read: Callable[[], T], expected: tuple[type[Exception], ...]) -> T | None:
    """What `read` gives, None where the input cannot be read so: other people's bytes may hold anything."""
    try:
        return read()
    except expected:
        return None
