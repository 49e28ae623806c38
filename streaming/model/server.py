"""What the loop asks of a model server, in no server's own words."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import TracebackType
from typing import NamedTuple, Protocol, Self

# The simulator says so in its greeting and in every answer's model: nothing simulated is ever shown as real.
SIMULATED = "simulated"
# What every model is told beside the question, whichever server it is on.
INSTRUCTION = "Answer the question directly, in plain text, in a few sentences."


class Sampling(NamedTuple):
    """How the model is to generate."""

    num_predict: int
    temperature: float


@dataclass(frozen=True)
class Success:
    """An answer. `queue_wait_s` and `service_s` are the server's own account of the call; None where it gave none."""

    text: str
    model: str | None
    truncated: bool
    tokens: int | None
    prompt_tokens: int | None
    queue_wait_s: float | None
    service_s: float | None


class Problem(StrEnum):
    """What an error is by the server's own word, which says more than its status."""

    BUSY = "busy"
    QUOTA = "quota"
    PROMPT_TOO_LONG = "prompt too long"
    MODEL_MISSING = "model missing"
    CONTENT_FILTERED = "content filtered"


@dataclass(frozen=True)
class Reply:
    """What the server at `address` sent: status and headers (lower-case names) as HTTP has them, and what its body says.

    `answer`: of a whole answer. `says`: where there is none, the error, the page's text, or what is wrong with the answer.
    `install_command`: how a person gives this server a model; empty where there is no command for it.
    `problem`: None where the server says nothing beyond its status. `resets_in_s`: when its limits are whole again, where it says so in
    other headers than Retry-After.
    """

    address: str
    status: int
    headers: Mapping[str, str]
    answer: Success | None = None
    says: str = ""
    install_command: str = ""
    problem: Problem | None = None
    resets_in_s: float | None = None


class Failure(StrEnum):
    """How a call ended without a whole reply."""

    CANNOT_CONNECT = "cannot connect"  # refused, DNS, TLS, connect timeout
    RESET = "connection lost before a reply"
    DEADLINE = "no reply within the deadline"


@dataclass(frozen=True)
class NoReply:
    """A call that ended without a reply."""

    failure: Failure
    detail: str


class ModelServer(Protocol):
    """A server with models, for as long as it is entered. No call is repeated: Kafka is the only retry layer."""

    @property
    def address(self) -> str:
        """Where it is."""

    @property
    def install_command(self) -> str:
        """How a person gives it a model; empty where there is no command for it."""

    async def __aenter__(self) -> Self: ...

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None: ...

    async def generate(self, model: str, question_text: str, retry_count: int) -> Reply | NoReply:
        """Ask the question; each attempt has a seed of its own, so that asking again gives a new sample."""

    async def probe(self, model: str) -> Reply | NoReply:
        """Generate a single token, to see whether the model is there."""

    async def models(self, deadline_s: float) -> frozenset[str]:
        """The names of its models. Raises Unreachable where it does not tell them."""

    async def greeting(self, deadline_s: float) -> str:
        """What it says of itself; a simulator says that it is one. Raises Unreachable."""

    async def version(self, deadline_s: float) -> str:
        """Its version. Raises Unreachable."""


def full_name(model: str) -> str:
    """A model's name with its tag: without one, `latest` is meant. The port of a registry (`host:5000/model`) is no tag."""
    return model if ":" in model.rsplit("/", 1)[-1] else f"{model}:latest"


def is_page(headers: Mapping[str, str]) -> bool:
    """Whether a web page was sent, which no model server does: a proxy or a login in front of it."""
    return headers.get("content-type", "").strip().lower().startswith("text/html")


def is_simulated(said: str) -> bool:
    """Whether the greeting or the model's name is the simulator's."""
    return SIMULATED in said.lower()
