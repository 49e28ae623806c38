"""Replies as servers that speak OpenAI's API send them."""

import httpx


def _whole(model: str, message: dict[str, object], reason: str | None, **others: object) -> dict[str, object]:
    usage = {"prompt_tokens": 21, "completion_tokens": 5, "total_tokens": 26}
    choice = {"index": 0, "message": {"role": "assistant"} | message, "finish_reason": reason}
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1_764_000_000,
        "model": model,
        "choices": [choice],
        "usage": usage,
    } | others


def _error(message: str, kind: str | None, code: object, **others: object) -> dict[str, object]:
    return {"error": {"message": message, "type": kind, "param": None, "code": code} | others}


ANSWER = "Rayleigh scattering."
ANSWERS = {
    "ollama": _whole("tiny", {"content": ANSWER}, "stop", system_fingerprint="fp_ollama"),
    "openai": _whole("gpt-4o-mini-2024-07-18", {"content": ANSWER, "refusal": None, "annotations": []}, "stop", service_tier="default"),
    "vllm": _whole("Qwen/Qwen3-8B", {"content": ANSWER, "reasoning_content": "Sky. Blue.", "tool_calls": []}, "stop", prompt_logprobs=None),
    "llama.cpp": _whole("mine", {"content": ANSWER}, "stop", timings={"prompt_n": 21, "predicted_ms": 80.5}),
}
CUT = _whole("tiny", {"content": "Rayleigh"}, "length")
EMPTY = _whole("tiny", {"content": ""}, "stop")
ONLY_REASONING = _whole("Qwen/Qwen3-8B", {"content": None, "reasoning_content": "Sky. Blue."}, "length")
FILTERED = _whole("gpt-4o-mini", {"content": ""}, "content_filter")
UNFINISHED = _whole("tiny", {"content": "Ray"}, None)

RATE_LIMIT = _error("Rate limit reached for gpt-4o: Limit 30000, Used 29000. Your quota renews.", "tokens", "rate_limit_exceeded")
NO_QUOTA = _error("You exceeded your current plan, please check your billing details.", "insufficient_quota", "insufficient_quota")
BUDGET = _error("Budget has been exceeded! Current cost: 1.1, Max budget: 1.0", "budget_exceeded", "400")
TOO_LONG = {
    "openai": _error("This is too much.", "invalid_request_error", "context_length_exceeded"),
    "vllm": _error("This model's maximum context length is 4096 tokens. However, you requested 5000 tokens.", "BadRequestError", 400),
    "older vllm": {
        "object": "error",
        "message": "This model's maximum context length is 4096 tokens.",
        "type": "BadRequestError",
        "code": 400,
    },
    "llama.cpp": _error("the request exceeds the available context size", "exceed_context_size_error", 400, n_prompt_tokens=9, n_ctx=4),
    "litellm": _error("litellm.ContextWindowExceededError: too long", None, "400"),
}
MISSING = {
    "ollama": (404, _error("model 'nope' not found", "api_error", None)),
    "openai": (404, _error("The model `nope` does not exist or you do not have access to it.", "invalid_request_error", "model_not_found")),
    "openai, of a project": (403, _error("Project `p` does not have access to model `nope`", "invalid_request_error", "model_not_found")),
    "vllm": (404, _error("The model `nope` does not exist.", "NotFoundError", 404)),
    "litellm": (400, _error("/chat/completions: Invalid model name passed in model=nope", "None", "400")),
}
POLICY = {
    "openai": _error("Your request was rejected by the safety system.", "invalid_request_error", "content_policy_violation"),
    "azure": _error("The response was filtered.", None, "content_filter", innererror={"code": "ResponsibleAIPolicyViolation"}),
    "litellm": _error("litellm.ContentPolicyViolationError: no", "invalid_request_error", "400"),
}
WRONG_KEY = _error("Incorrect API key provided: sk-SECRET.", "invalid_request_error", "invalid_api_key")
LOADING = _error("Loading model", "unavailable_error", 503)
UNSUPPORTED = _error("Unsupported parameter: 'max_tokens'", "invalid_request_error", "unsupported_parameter")

LISTS = {
    "ollama": {"object": "list", "data": [{"id": "tiny:latest", "object": "model", "created": 1, "owned_by": "library"}]},
    "openai": {"object": "list", "data": [{"id": "gpt-4o-mini", "object": "model", "created": 1, "owned_by": "system"}]},
    "vllm": {
        "object": "list",
        "data": [
            {"id": "Qwen/Qwen3-8B", "object": "model", "created": 1, "owned_by": "vllm", "root": "Qwen/Qwen3-8B", "max_model_len": 4096}
        ],
    },
    "llama.cpp": {"models": [{"name": "mine"}], "object": "list", "data": [{"id": "mine", "object": "model", "owned_by": "llamacpp"}]},
}


class Served:
    """A server of a kind, by path; what it has no path for it answers with its 404."""

    def __init__(self, kind: str) -> None:
        self.seen: list[httpx.Request] = []
        self.paths: dict[str, httpx.Response] = {
            "/v1/models": httpx.Response(200, json=LISTS[kind]),
            "/v1/chat/completions": httpx.Response(200, json=ANSWERS[kind]),
        }
        if kind == "ollama":
            self.paths["/api/version"] = httpx.Response(200, json={"version": "0.17.4"})
            self.paths["/api/generate"] = httpx.Response(200, json={"model": "tiny", "response": ANSWER, "done": True})
            self.paths["/api/tags"] = httpx.Response(200, json={"models": [{"name": "tiny:latest"}]})
        if kind == "vllm":
            self.paths["/version"] = httpx.Response(200, json={"version": "0.11.0"})

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.seen.append(request)
        return self.paths.get(request.url.path, httpx.Response(404, json={"detail": "Not Found"}))

    @property
    def asked(self) -> list[str]:
        """The paths, in the order they were asked."""
        return [request.url.path for request in self.seen]
