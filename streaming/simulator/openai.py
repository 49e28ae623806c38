"""OpenAI's chat completions as bytes, for the same calls. Pure.

Its error bodies are OpenAI's; statuses stay those of the faults. Replies come whole: nobody here reads them in pieces.
"""

import json
from datetime import datetime
from typing import Any

from streaming.model.server import SIMULATED, full_name
from streaming.simulator.protocol import Answer, Dialect, Request, RequestRefused, Timing, encoded, last_message, token_count

_ERRORS: dict[int, tuple[str, str | None]] = {
    402: ("insufficient_quota", "insufficient_quota"),
    404: ("invalid_request_error", "model_not_found"),
    429: ("requests", "rate_limit_exceeded"),
}


def read_request(body: bytes) -> Request:
    """The request in a body. Raises RequestRefused as OpenAI does."""
    try:
        fields = json.loads(body)
    except (ValueError, RecursionError) as err:
        raise RequestRefused(400, "We could not parse the JSON body of your request.") from err
    if not isinstance(fields, dict) or not isinstance(fields.get("model"), str):
        raise RequestRefused(400, "you must provide a model parameter")
    messages, most = fields.get("messages"), fields.get("max_tokens")
    if not isinstance(messages, list) or not messages:
        raise RequestRefused(400, "Missing required parameter: 'messages'.")
    if most is not None and (type(most) is not int or most < 1):
        raise RequestRefused(400, "Invalid value for 'max_tokens': an integer of at least 1 is expected.")
    if fields.get("stream"):
        raise RequestRefused(400, f"'stream' is not {SIMULATED} here.")
    return Request(fields["model"], last_message(messages), False, -1 if most is None else most, chat=True)


def error_body(status: int, error: str) -> bytes:
    """The body of an error, with the type and the code that tell a usage limit from a busy moment."""
    if status == 429 and "usage limit" in error:
        kind, code = _ERRORS[402]
    else:
        kind, code = _ERRORS.get(status, ("server_error" if status >= 500 else "invalid_request_error", None))
    return encoded({"error": {"message": error, "type": kind, "param": None, "code": code}})


def final_reply(request: Request, model: str, answer: Answer, _timing: Timing, created_at: datetime, text: str) -> dict[str, Any]:
    """The reply."""
    spoken = token_count(answer.text)
    usage = {"prompt_tokens": answer.prompt_tokens, "completion_tokens": spoken, "total_tokens": answer.prompt_tokens + spoken}
    return _reply(model, created_at, text, "length" if answer.done_reason == "length" else "stop") | {"usage": usage}


def partial_reply(_request: Request, model: str, created_at: datetime, text: str) -> dict[str, Any]:
    """A reply that does not say how it ended."""
    return _reply(model, created_at, text, None)


def models(names: list[str], created_at: datetime) -> dict[str, Any]:
    """The models that are there, and who they belong to."""
    entries = [{"id": full_name(name), "object": "model", "created": int(created_at.timestamp()), "owned_by": SIMULATED} for name in names]
    return {"object": "list", "data": entries}


COMPLETIONS = Dialect(read_request, error_body, final_reply, partial_reply)


def _reply(model: str, created_at: datetime, text: str, finish_reason: str | None) -> dict[str, Any]:
    return {
        "id": f"chatcmpl-{SIMULATED}",
        "object": "chat.completion",
        "created": int(created_at.timestamp()),
        "model": f"{model} ({SIMULATED})",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": finish_reason}],
    }
