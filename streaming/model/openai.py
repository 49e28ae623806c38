"""OpenAI's chat completions, as vLLM, llama.cpp, LiteLLM, Ollama and OpenAI itself speak them: paths, fields, words."""

import re
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import msgspec

from streaming.errors import Unreachable
from streaming.model.http import Received, shortened, whole_fields
from streaming.model.prompted import PromptedServer
from streaming.model.server import INSTRUCTION, NoReply, Problem, Reply, Sampling, Success, is_page

COMPLETIONS, MODELS = "/v1/chat/completions", "/v1/models"

# What `error.code` or `error.type` says.
_PROBLEMS = {
    "rate_limit_exceeded": Problem.BUSY,
    "insufficient_quota": Problem.QUOTA,
    "budget_exceeded": Problem.QUOTA,  # LiteLLM
    "context_length_exceeded": Problem.PROMPT_TOO_LONG,
    "exceed_context_size_error": Problem.PROMPT_TOO_LONG,  # llama.cpp
    "model_not_found": Problem.MODEL_MISSING,
    "content_policy_violation": Problem.CONTENT_FILTERED,
    "content_filter": Problem.CONTENT_FILTERED,  # Azure
}
# What a 400 says whose code and type say nothing: of vLLM and LiteLLM.
_SENTENCES = (
    (re.compile("maximum context length|ContextWindowExceeded"), Problem.PROMPT_TOO_LONG),
    (re.compile("Invalid model name"), Problem.MODEL_MISSING),
    (re.compile("ContentPolicyViolation"), Problem.CONTENT_FILTERED),
)
_RESETS = ("x-ratelimit-reset-requests", "x-ratelimit-reset-tokens")
_SPAN = re.compile(r"(?:(\d+)h)?(?:(\d+)m)?(?:(\d+(?:\.\d+)?)s)?(?:(\d+(?:\.\d+)?)ms)?", re.ASCII)


class OpenAI(PromptedServer):
    """One server at an address with or without `/v1`."""

    install_command = ""

    async def models(self, deadline_s: float) -> frozenset[str]:
        """The names of its models. Raises Unreachable where it does not tell them."""
        return frozenset([str(entry["id"]) for entry in await self._listed(deadline_s) if "id" in entry])

    async def greeting(self, deadline_s: float) -> str:
        """Whose its models are: what it says of itself where its API has no greeting. Raises Unreachable."""
        return ", ".join(sorted({str(entry.get("owned_by")) for entry in await self._listed(deadline_s)}))

    async def version(self, deadline_s: float) -> str:
        """Its version, which vLLM tells; the API has none, so that who lists its models is well too. Raises Unreachable."""
        received = await self._http.ask("/version", deadline_s / 2)
        version = (received.fields() or {}).get("version") if isinstance(received, Received) else None
        if isinstance(version, str):
            return version
        await self._listed(deadline_s / 2)
        return "not told"

    async def _listed(self, deadline_s: float) -> list[dict[str, Any]]:
        received = await self._http.get(MODELS, deadline_s)
        entries = listed(received)
        if entries is None:
            raise Unreachable(f"{self.address}{MODELS} tells no models: {received.text()}")
        return entries

    async def _ask(self, model: str, prompt: str, sampling: Sampling, seed: int) -> Reply | NoReply:
        received = await self._http.post(COMPLETIONS, _body(model, prompt, sampling, seed))
        return received if isinstance(received, NoReply) else reply_of(self.address, received)


def listed(received: Received) -> list[dict[str, Any]] | None:
    """The entries of a list of models; None where it is none."""
    entries = (received.fields() or {}).get("data")
    return entries if isinstance(entries, list) and all(isinstance(each, dict) for each in entries) else None


def reply_of(address: str, received: Received) -> Reply:
    """The neutral reply in what the server sent."""
    status, headers = received.status, received.headers
    page = is_page(headers)
    found = _answer(received) if 200 <= status < 300 and not page else _message(_error(received)) or received.text()
    if isinstance(found, Success):
        return Reply(address, status, headers, answer=found)
    if isinstance(found, Problem):
        return Reply(address, status, headers, says="the answer was withheld by a content filter", problem=found)
    return Reply(address, status, headers, says=found, problem=None if page else _problem(received), resets_in_s=_resets_in_s(headers))


def _answer(received: Received) -> Success | Problem | str:
    """The answer of a whole reply, or what is wrong with it."""
    fields = whole_fields(received)
    if isinstance(fields, str):
        return fields
    choice, model, usage = _first(fields.get("choices")), fields.get("model"), _object(fields.get("usage"))
    reason, message = choice.get("finish_reason"), _object(choice.get("message"))
    if reason == "content_filter":
        return Problem.CONTENT_FILTERED
    if not isinstance(reason, str):
        return f"the reply is not done: {_message(_error(received)) or received.text()}"
    text = message.get("content")
    if not isinstance(text, str) or not text.strip():
        if message.get("reasoning_content") or message.get("reasoning"):
            return "the reply is empty but for its reasoning; raise ANSWERLOOP_MODEL_NUM_PREDICT or turn reasoning off at the server"
        return "the reply is empty"
    return Success(
        text=text,
        model=model if isinstance(model, str) else None,
        truncated=reason == "length",
        tokens=_count(usage.get("completion_tokens")),
        prompt_tokens=_count(usage.get("prompt_tokens")),
        queue_wait_s=None,
        service_s=None,
    )


def _error(received: Received) -> dict[str, Any]:
    """The error's fields: in `error`, or, of older vLLM, the body itself."""
    fields = received.fields() or {}
    error = fields.get("error")
    if isinstance(error, str):
        return {"message": error}
    return error if isinstance(error, dict) else fields if fields.get("object") == "error" else {}


def _message(error: Mapping[str, Any]) -> str | None:
    message = error.get("message")
    return shortened(message) if isinstance(message, str) else None


def _problem(received: Received) -> Problem | None:
    error = _error(received)
    for said in (error.get("code"), error.get("type")):
        if isinstance(said, str) and said in _PROBLEMS:
            return _PROBLEMS[said]
    if received.status != HTTPStatus.BAD_REQUEST:
        return None
    message = error.get("message")
    return next((problem for sentence, problem in _SENTENCES if isinstance(message, str) and sentence.search(message)), None)


def _resets_in_s(headers: Mapping[str, str]) -> float | None:
    """The longest of the spans after which a limit is whole again: which of them was hit, the server does not say."""
    spans = [span for name in _RESETS if (span := _span_s(headers.get(name, ""))) is not None]
    return max(spans, default=None)


def _span_s(text: str) -> float | None:
    """Seconds in `6m0s`, `1.5s`, `20ms` or `12`; None of anything else."""
    said = text.strip()
    found = _SPAN.fullmatch(f"{said}s" if said[-1:].isdigit() else said)
    if found is None or not any(found.groups()):
        return None
    hours, minutes, seconds, milliseconds = (float(each or 0) for each in found.groups())
    return hours * 3600 + minutes * 60 + seconds + milliseconds / 1000


def _first(choices: Any) -> dict[str, Any]:
    return _object(choices[0]) if isinstance(choices, list) and choices else {}


def _object(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _count(value: Any) -> int | None:
    return value if type(value) is int else None


def _body(model: str, prompt: str, sampling: Sampling, seed: int) -> bytes:
    """The request. `prompt` is the question and nothing else: no reference answer comes near the model."""
    return msgspec.json.encode(
        {
            "model": model,
            "messages": [{"role": "system", "content": INSTRUCTION}, {"role": "user", "content": prompt}],
            "stream": False,
            "max_tokens": sampling.num_predict,
            "temperature": sampling.temperature,
            "seed": seed,
        }
    )
