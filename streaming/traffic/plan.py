"""The plan of a traffic run: with the dataset, all that is needed to repeat the run exactly."""

from enum import StrEnum
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from streaming.errors import UserError
from streaming.names import Name

MAX_REQUESTS = 1_000_000
MAX_RATE = 10_000.0
MAX_USERS = 500

Rate = Annotated[float, Field(ge=0.01, le=MAX_RATE, description="requests a second")]


class Arrivals(StrEnum):
    """When requests come. All but `closed` are open loops: the times are set in advance, whatever the replies do."""

    CONSTANT = "constant"
    POISSON = "poisson"
    BURST = "burst"
    RAMP = "ramp"
    CLOSED = "closed"


class Popularity(StrEnum):
    """Which questions are asked: all alike, or few of them often."""

    UNIFORM = "uniform"
    ZIPF = "zipf"


class Results(StrEnum):
    """How a generator learns that a question has ended: it asks, or the API calls it back."""

    POLL = "poll"
    CALLBACK = "callback"


class TrafficPlan(BaseModel):
    """What to send. Times are in seconds, rates in requests a second."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    dataset: Name
    requests: int = Field(default=200, ge=1, le=MAX_REQUESTS)
    arrivals: Arrivals = Arrivals.POISSON
    rate: Rate = 10.0
    final_rate: Rate | None = Field(default=None, description="where a ramp ends")
    burst_size: int = Field(default=20, ge=1, le=MAX_REQUESTS, description="requests that come at once")
    users: int = Field(default=10, ge=1, le=MAX_USERS, description="of the closed loop: each asks when it has its answer")
    think_time_s: float = Field(default=0.0, ge=0, le=3600, description="of the closed loop: from an answer to the next question")
    popularity: Popularity = Popularity.ZIPF
    zipf_exponent: float = Field(default=1.0, gt=0, le=5)
    questions: int | None = Field(default=None, ge=1, description="ask among the first so many of the dataset; none: all")
    seed: int = Field(default=1, ge=0, lt=2**63)
    model: Name | None = Field(default=None, description="the model to ask; none: the configured one")
    answer_set: Name | None = Field(default=None, description="none: one of the run's own")
    patience_s: float = Field(default=60.0, gt=0, le=3600, description="how long a request is tried while the API is away or overloaded")
    resolve_timeout_s: float = Field(default=600.0, gt=0, le=86_400, description="how long answers are awaited after the last request")

    results: Results = Field(default=Results.POLL, description="callback: for generators on the API's machine")

    @model_validator(mode="after")
    def _ramp_has_an_end(self) -> Self:
        if (self.arrivals is Arrivals.RAMP) != (self.final_rate is not None):
            raise ValueError("`final_rate` belongs to `arrivals` ramp, and a ramp needs it")
        return self


def checked(**fields: object) -> TrafficPlan:
    """The plan with these fields. Raises UserError that names every bad one and what is allowed."""
    try:
        return TrafficPlan.model_validate(fields)
    except ValidationError as err:
        raise UserError("This plan cannot be run:\n" + complaints(err)) from err


def complaints(err: ValidationError) -> str:
    """A line for each bad field: its name, what is allowed, what was given."""
    return "\n".join(
        f"  {'.'.join(str(part) for part in each['loc'])}: {each['msg']} (given: {each['input']!r})" if each["loc"] else f"  {each['msg']}"
        for each in err.errors()
    )
