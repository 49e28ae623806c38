"""The plan of a traffic run: with the dataset, all that is needed to repeat the run exactly."""

from enum import StrEnum
from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from streaming.errors import UserError
from streaming.names import Name

MAX_REQUESTS = 1_000_000
MAX_RATE = 10_000.0
MAX_USERS = 500

Rate = Annotated[float, Field(ge=0.01, le=MAX_RATE)]


def _detail(title: str, description: str, **field: Any) -> Any:
    """A field that a form folds away: most experiments do not vary it."""
    return Field(title=title, description=description, json_schema_extra={"section": "Details of arrivals and popularity"}, **field)


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

    dataset: Name = Field(title="Dataset", description="A loaded dataset (`load`, or the DAG load_questions).")
    requests: int = Field(default=200, ge=1, le=MAX_REQUESTS, title="Requests", description="How many requests to send.")
    arrivals: Arrivals = Field(
        default=Arrivals.POISSON,
        title="Arrivals",
        description="When they come. Only closed waits for answers: each user asks when it has its answer.",
    )
    rate: Rate = Field(default=10.0, title="Rate", description="Requests a second; where a ramp begins. Not used by closed arrivals.")
    popularity: Popularity = Field(
        default=Popularity.ZIPF, title="Popularity", description="uniform: all questions alike; zipf: few of them often."
    )
    seed: int = Field(default=1, ge=0, lt=2**63, title="Seed", description="The same seed gives the same times and questions.")
    model: Name | None = Field(
        default=None, title="Model", description="The model to ask, as the model server names it; left out: the configured one."
    )
    answer_set: Name | None = Field(
        default=None,
        title="Answer set",
        description="Answers are shared within a set; left out: one of the run's own, so that nothing is known yet.",
    )
    final_rate: Rate | None = _detail("Final rate", "Requests a second where a ramp ends; only with ramp.", default=None)
    burst_size: int = _detail("Burst size", "Requests that come at once; only with burst.", default=20, ge=1, le=MAX_REQUESTS)
    users: int = _detail("Users", "How many ask at once; only with closed.", default=10, ge=1, le=MAX_USERS)
    think_time_s: float = _detail(
        "Think time", "Seconds from an answer to the next question; only with closed.", default=0.0, ge=0, le=3600
    )
    zipf_exponent: float = _detail("Zipf exponent", "The larger, the fewer questions are asked; only with zipf.", default=1.0, gt=0, le=5)
    questions: int | None = _detail("Questions", "Ask among the first so many of the dataset; left out: all.", default=None, ge=1)
    results: Results = Field(
        default=Results.POLL,
        title="Results",
        description="How a generator learns of answers. poll: it asks; callback: the API calls it back, where both run on one machine.",
        json_schema_extra={"section": "How answers come back"},
    )
    patience_s: float = Field(
        default=60.0, gt=0, le=3600, title="Patience", description="Seconds that a request is tried while the API is away or overloaded."
    )
    resolve_timeout_s: float = Field(
        default=600.0, gt=0, le=86_400, title="Timeout", description="Seconds that a request waits for its answer."
    )

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
