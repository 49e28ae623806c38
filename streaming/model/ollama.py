"""Ollama: its paths, its fields, its words."""

from typing import Any

import msgspec

from streaming.errors import Unreachable
from streaming.model.http import Received, shortened, whole_fields
from streaming.model.prompted import PromptedServer
from streaming.model.server import INSTRUCTION, NoReply, Reply, Sampling, Success, is_page

INSTALL_COMMAND = "ollama pull"


class Ollama(PromptedServer):
    """One Ollama."""

    install_command = INSTALL_COMMAND

    async def models(self, deadline_s: float) -> frozenset[str]:
        """The names of its models. Raises Unreachable where it does not tell them."""
        received = await self._http.get("/api/tags", deadline_s)
        try:
            return frozenset(str(entry["name"]) for entry in (received.fields() or {})["models"])
        except (LookupError, TypeError) as err:
            raise Unreachable(f"{self.address}/api/tags tells no models: {received.text()}") from err

    async def greeting(self, deadline_s: float) -> str:
        """What it says of itself. Raises Unreachable."""
        return (await self._http.get("", deadline_s)).text()

    async def version(self, deadline_s: float) -> str:
        """Its version. Raises Unreachable."""
        received = await self._http.get("/api/version", deadline_s)
        version = (received.fields() or {}).get("version")
        if not isinstance(version, str):
            raise Unreachable(f"{self.address}/api/version tells no version: {received.text()}")
        return version

    async def _ask(self, model: str, prompt: str, sampling: Sampling, seed: int) -> Reply | NoReply:
        received = await self._http.post("/api/generate", _body(model, prompt, sampling, seed))
        return received if isinstance(received, NoReply) else reply_of(self.address, received)


def reply_of(address: str, received: Received) -> Reply:
    """The neutral reply in what Ollama sent."""
    found = _answer(received) if 200 <= received.status < 300 and not is_page(received.headers) else _error(received)
    if isinstance(found, Success):
        return Reply(address, received.status, received.headers, answer=found)
    return Reply(address, received.status, received.headers, says=found, install_command=INSTALL_COMMAND)


def _answer(received: Received) -> Success | str:
    """The answer of a whole reply, or what is wrong with it."""
    fields = whole_fields(received)
    if isinstance(fields, str):
        return fields
    if fields.get("done") is not True:
        return f"the reply is not done: {_error(received)}"
    text, model = fields.get("response"), fields.get("model")
    if not isinstance(text, str):
        return "the reply is empty"
    wait, service = _durations(fields)
    return Success(
        text=text,
        model=model if isinstance(model, str) else None,
        truncated=fields.get("done_reason") == "length",
        tokens=_count(fields.get("eval_count")),
        prompt_tokens=_count(fields.get("prompt_eval_count")),
        queue_wait_s=wait,
        service_s=service,
    )


def _error(received: Received) -> str:
    error = (received.fields() or {}).get("error")
    return shortened(error) if isinstance(error, str) else received.text()


def _durations(fields: dict[str, Any]) -> tuple[float | None, float | None]:
    """Seconds in the server's queue and at work; zero values are omitted from a reply, so only `total_duration` must be there."""
    total = _nanoseconds(fields.get("total_duration"))
    if not total:
        return None, None
    service = sum(_nanoseconds(fields.get(name)) for name in ("load_duration", "prompt_eval_duration", "eval_duration"))
    return max(total - service, 0) / 1e9, service / 1e9


def _nanoseconds(value: Any) -> int:
    return value if type(value) is int and 0 < value < 2**62 else 0


def _count(value: Any) -> int | None:
    return value if type(value) is int else None


def _body(model: str, prompt: str, sampling: Sampling, seed: int) -> bytes:
    """The request. `prompt` is the question and nothing else: no reference answer comes near the model."""
    return msgspec.json.encode(
        {
            "model": model,
            "system": INSTRUCTION,
            "prompt": prompt,
            "stream": False,
            "think": False,
            "options": {"num_predict": sampling.num_predict, "temperature": sampling.temperature, "seed": seed},
        }
    )
