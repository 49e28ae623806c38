"""Ollama's API as bytes: how a request is read, how replies and errors are spelled. Pure.

Statuses, bodies and field names are those of Ollama 0.17.4, where they could be observed.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any

from streaming.errors import UserError
from streaming.model.server import SIMULATED, full_name

VERSION = "0.17.4"

_JSON_KINDS = ((bool, "bool"), (int, "number"), (float, "number"), (str, "string"), (list, "array"), (dict, "object"))
_GO_TYPES: dict[str, tuple[tuple[type, ...], str]] = {
    "model": ((str,), "string"),
    "prompt": ((str,), "string"),
    "system": ((str,), "string"),
    "stream": ((bool,), "bool"),
    "options": ((dict,), "map[string]interface {}"),
    "messages": ((list,), "[]api.Message"),
}
_OPTION_TYPES: dict[str, tuple[tuple[type, ...], str]] = {
    "num_predict": ((int, float), "integer"),
    "seed": ((int, float), "integer"),
    "num_ctx": ((int, float), "integer"),
    "top_k": ((int, float), "integer"),
    "temperature": ((int, float), "float32"),
    "top_p": ((int, float), "float32"),
}


class RequestRefused(UserError):
    """A request that Ollama answers with this status and error."""

    def __init__(self, status: int, error: str) -> None:
        super().__init__(error)
        self.status = status


@dataclass(frozen=True)
class Request:
    """A generate or chat request. `prompt`: for chat, the last message's text."""

    model: str
    prompt: str
    stream: bool
    num_predict: int
    chat: bool


@dataclass(frozen=True)
class Timing:
    """Nanoseconds of a call: waiting for a slot, and at work."""

    waited_ns: int
    worked_ns: int


@dataclass(frozen=True)
class Answer:
    """What the model says."""

    text: str
    done_reason: str
    prompt_tokens: int
    context: list[int] = field(default_factory=list)


@dataclass(frozen=True)
class Dialect:
    """How a kind of call is spelled: its request, its error by status and text, its last (or only) reply and a piece of one."""

    read: Callable[[bytes], Request]
    error: Callable[[int, str], bytes]
    final: Callable[[Request, str, Answer, Timing, datetime, str], dict[str, Any]]
    part: Callable[[Request, str, datetime, str], dict[str, Any]]


def read_request(body: bytes, chat: bool) -> Request:
    """The request in a body. Raises RequestRefused as Ollama does."""
    fields = _parsed(body)
    for name, (types, go_type) in _GO_TYPES.items():
        value = fields.get(name)
        if value is not None and (not isinstance(value, types) or (isinstance(value, bool) and bool not in types)):
            kind = "ChatRequest" if chat else "GenerateRequest"
            raise RequestRefused(400, f"json: cannot unmarshal {_kind(value)} into Go struct field {kind}.{name} of type {go_type}")
    model = fields.get("model") or ""
    if chat and not model:
        raise RequestRefused(400, "model is required")
    options = fields.get("options") or {}
    for name, (types, go_type) in _OPTION_TYPES.items():
        if name in options and (not isinstance(options[name], types) or isinstance(options[name], bool)):
            raise RequestRefused(500, f'option "{name}" must be of type {go_type}')
    if fields.get("format") not in (None, "", "json") and not isinstance(fields["format"], dict):
        raise RequestRefused(500, f'invalid format: {json.dumps(fields["format"])}; expected "json" or a valid JSON Schema object')
    if fields.get("think"):
        raise RequestRefused(400, f'"{model}" does not support thinking')
    stream = fields.get("stream")
    prompt = last_message(fields.get("messages") or []) if chat else fields.get("prompt") or ""
    return Request(model, prompt, True if stream is None else stream, int(min(options.get("num_predict", -1), 1e6)), chat)


def error_body(_status: int, error: str) -> bytes:
    """The body of an error."""
    return encoded({"error": error})


def final_reply(request: Request, model: str, answer: Answer, timing: Timing, created_at: datetime, text: str) -> dict[str, Any]:
    """The last (or only) reply, with `text` as what it says. Durations in ns that add up; zero values are omitted, as Ollama does."""
    load = timing.worked_ns // 50
    prompt_eval = timing.worked_ns // 10 if answer.prompt_tokens else 0
    numbers = {
        "total_duration": timing.waited_ns + timing.worked_ns,
        "load_duration": load,
        "prompt_eval_count": answer.prompt_tokens,
        "prompt_eval_duration": prompt_eval,
        "eval_count": token_count(answer.text),
        "eval_duration": timing.worked_ns - load - prompt_eval if answer.text else 0,
    }
    context = {"context": answer.context} if answer.context and not request.chat else {}
    reply = partial_reply(request, model, created_at, text) | {"done": True, "done_reason": answer.done_reason} | context
    return reply | {name: number for name, number in numbers.items() if number}


def partial_reply(request: Request, model: str, created_at: datetime, text: str) -> dict[str, Any]:
    """A piece of a streamed reply. Its `model` says that nobody thought about it."""
    said = {"message": {"role": "assistant", "content": text}} if request.chat else {"response": text}
    return {"model": f"{model} ({SIMULATED})", "created_at": created_at.strftime("%Y-%m-%dT%H:%M:%S.%f000Z")} | said | {"done": False}


def tags(models: list[str], modified_at: datetime) -> dict[str, Any]:
    """The models that are there."""
    return {"models": [_tag(name, modified_at) for name in models]}


def token_count(text: str) -> int:
    """About how many tokens a text has."""
    return -(-len(text.split()) * 4 // 3)


GENERATE = Dialect(partial(read_request, chat=False), error_body, final_reply, partial_reply)
CHAT = Dialect(partial(read_request, chat=True), error_body, final_reply, partial_reply)


def lines(replies: list[dict[str, Any]]) -> bytes:
    """Replies as NDJSON."""
    return b"".join(encoded(reply) + b"\n" for reply in replies)


def encoded(value: dict[str, Any]) -> bytes:
    """An object as JSON; a text that holds half a character too."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass")


def _parsed(body: bytes) -> dict[str, Any]:
    text = body.decode(errors="replace").lstrip()
    if not text:
        raise RequestRefused(400, "missing request body")
    try:
        # Like Go's decoder, take the first value and leave what follows.
        fields, _ = json.JSONDecoder().raw_decode(text)
    except RecursionError as err:
        raise RequestRefused(400, "exceeded max depth") from err
    except ValueError as err:
        if text[0] not in '{["-0123456789tfn':
            raise RequestRefused(400, f"invalid character '{text[0]}' looking for beginning of value") from err
        raise RequestRefused(400, "unexpected EOF") from err
    if fields is None:
        return {}
    if not isinstance(fields, dict):
        raise RequestRefused(400, f"json: cannot unmarshal {_kind(fields)} into Go value of type api.GenerateRequest")
    return fields


def last_message(messages: list[Any]) -> str:
    """What the last message says."""
    texts = [each.get("content") for each in messages if isinstance(each, dict)]
    return texts[-1] if texts and isinstance(texts[-1], str) else ""


def _kind(value: Any) -> str:
    return next(name for kind, name in _JSON_KINDS if isinstance(value, kind))


def _tag(name: str, modified_at: datetime) -> dict[str, Any]:
    details = {"parent_model": "", "format": "gguf", "family": "simulated", "families": ["simulated"], "parameter_size": "1.2B"}
    return {
        "name": full_name(name),
        "model": full_name(name),
        "modified_at": modified_at.strftime("%Y-%m-%dT%H:%M:%S.%f000Z"),
        "size": 1_321_098_329,
        "digest": "0" * 64,
        "details": details | {"quantization_level": "Q8_0"},
    }
