"""What to replay: which failures, with which model, how many at most, and when a person must agree."""

from datetime import UTC, datetime
from typing import Annotated, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, ValidationError, model_validator

from streaming.contracts import CAUSES
from streaming.errors import UserError
from streaming.names import Name
from streaming.traffic.plan import complaints

MOST = 10_000


def _in_utc(time: datetime) -> datetime:
    return time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)


# A time without a zone is UTC.
Moment = Annotated[datetime, AfterValidator(_in_utc)]
# Of an error's text, which holds what no name may.
Words = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]+$")]


class ReplayPlan(BaseModel):
    """A filter over failures, and what to do with those that it lets through; an empty field filters nothing."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    cause: Name | None = Field(default=None, title="Cause", description=f"Failures of this cause: {', '.join(CAUSES)}; left out: of any.")
    run_id: Name | None = Field(
        default=None, title="Run", description="Failures of this traffic run; left out: of any, and of questions asked outside runs."
    )
    since: Moment | None = Field(
        default=None, title="Since", description="Failures of this time (UTC) or later; left out: from the first on."
    )
    until: Moment | None = Field(default=None, title="Until", description="Failures before this time (UTC); left out: up to now.")
    error_text: Words | None = Field(
        default=None, title="Text of the error", description="Failures whose error holds these words, in upper or lower case."
    )
    model: Name | None = Field(
        default=None,
        title="Another model",
        description="The model to ask, as the model server names it; left out: the one that was asked for before.",
    )
    limit: int = Field(default=1000, ge=1, le=MOST, title="Limit", description="Replay the oldest so many of the failures that match.")
    dry_run: bool = Field(default=False, title="Dry run", description="Show what would be replayed, and replay nothing.")
    approve_above: int = Field(
        default=500, ge=0, le=MOST, title="Approve above", description="More than this many wait until a person approves."
    )
    timeout_s: int = Field(
        default=600,
        ge=10,
        le=86_400,
        title="Timeout",
        description="Seconds that the replayed questions may take to be answered or fail again.",
    )

    @model_validator(mode="after")
    def _time_runs_forward(self) -> Self:
        if self.since and self.until and self.since >= self.until:
            raise ValueError("`since` must be before `until`")
        return self

    def __str__(self) -> str:
        """The filter in words."""
        said = [
            f"{name} {value!r}" for name, value in (("cause", self.cause), ("run", self.run_id), ("error text", self.error_text)) if value
        ]
        said += [f"{name} {time:%Y-%m-%d %H:%M:%S} UTC" for name, time in (("since", self.since), ("until", self.until)) if time]
        return ", ".join(said) or "no filter"


def checked(**fields: object) -> ReplayPlan:
    """The plan with these fields. Raises UserError that names every bad one and what is allowed."""
    try:
        return ReplayPlan.model_validate(fields)
    except ValidationError as err:
        raise UserError("Nothing can be replayed by this plan:\n" + complaints(err)) from err
