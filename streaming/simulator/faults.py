"""The faults and the quality that the simulator plays, and which of them a call meets. Pure."""

from enum import StrEnum
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from streaming.simulator.draw import uniform

Share = Annotated[float, Field(ge=0, le=1)]


class Fault(StrEnum):
    """What can go wrong with one call."""

    OVERLOAD_503 = "overload_503"
    OVERLOAD_429 = "overload_429"
    OVERLOAD_429_SECONDS = "overload_429_seconds"
    OVERLOAD_429_DATE = "overload_429_date"
    QUOTA_402 = "quota_402"
    QUOTA_429 = "quota_429"
    QUOTA_429_BARE = "quota_429_bare"
    ERROR_500 = "error_500"
    HANG = "hang"
    TRUNCATED = "truncated"
    DONE_FALSE = "done_false"
    EMPTY = "empty"
    REFUSED_400 = "refused_400"
    MODEL_MISSING = "model_missing"


class _Switch(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Faults(_Switch):
    """Shares of calls that meet a fault (0..1, together at most 1), and switches for the server as a whole."""

    overload_503: Share = 0.0
    overload_429: Share = Field(0.0, description="429 without Retry-After")
    overload_429_seconds: Share = Field(0.0, description="429 with Retry-After in seconds")
    overload_429_date: Share = Field(0.0, description="429 with Retry-After as an HTTP date")
    quota_402: Share = Field(0.0, description="402 with Retry-After")
    quota_429: Share = Field(0.0, description="429 that names a usage limit, with Retry-After")
    quota_429_bare: Share = Field(0.0, description="429 that names a usage limit, without Retry-After")
    error_500: Share = 0.0
    hang: Share = Field(0.0, description="no reply until the client leaves; holds a slot")
    truncated: Share = Field(0.0, description="the connection closes in mid-reply")
    done_false: Share = 0.0
    empty: Share = 0.0
    refused_400: Share = 0.0
    model_missing: Share = Field(0.0, description="404 for a model that is there otherwise; never repeats by itself")
    repeat: Share = Field(0.0, description="share of the prompts faulted at their first asking that meet the same fault again")
    repeat_for: int = Field(6, ge=1, le=1000, description="how many askings such a prompt is faulted for")
    retry_after_min_s: int = Field(1, ge=0, le=3600)
    retry_after_max_s: int = Field(3, ge=0, le=3600)
    down: bool = Field(False, description="connections are reset without a reply")
    queue_limit: int | None = Field(None, ge=0, description="calls that may wait for a slot, beyond it 503; null: no bound")

    @model_validator(mode="after")
    def _shares_fit(self) -> Self:
        total = sum(self.share(fault) for fault in Fault)
        if total > 1 + 1e-9:
            raise ValueError(f"the shares add up to {total:.3f}; at most 1 is possible")
        if self.retry_after_min_s > self.retry_after_max_s:
            raise ValueError(f"retry_after_min_s is {self.retry_after_min_s}, above retry_after_max_s, {self.retry_after_max_s}")
        return self

    def share(self, fault: Fault) -> float:
        """The share of calls that meet this fault."""
        return float(getattr(self, fault.value))


class Quality(_Switch):
    """Shares of prompts whose first answer is not good (together at most 1); the rest are answered with a light paraphrase."""

    middling: Share = 0.0
    poor: Share = 0.0
    always_poor: Share = Field(0.0, description="no asking ever gives a good answer")
    improves: Share = Field(0.0, description="chance of a good answer each further time that a middling or poor prompt is asked")

    @model_validator(mode="after")
    def _shares_fit(self) -> Self:
        total = self.middling + self.poor + self.always_poor
        if total > 1 + 1e-9:
            raise ValueError(f"the shares add up to {total:.3f}; at most 1 is possible")
        return self


Profile = Literal["clean", "demo"]

FAULTS: dict[Profile, Faults] = {
    "clean": Faults(),
    "demo": Faults(
        overload_503=0.05,
        overload_429=0.02,
        overload_429_seconds=0.02,
        overload_429_date=0.015,
        quota_402=0.035,
        quota_429=0.035,
        error_500=0.015,
        truncated=0.01,
        done_false=0.01,
        empty=0.01,
        refused_400=0.01,
        repeat=0.25,
    ),
}
QUALITY: dict[Profile, Quality] = {
    "clean": Quality(),
    "demo": Quality(middling=0.1, poor=0.15, always_poor=0.08, improves=0.5),
}


def fault_of(faults: Faults, seed: int, prompt: str, asked_before: int) -> Fault | None:
    """The fault that this asking of the prompt meets, if any.

    A prompt faulted at its first asking meets the same fault again, with probability `repeat`, for `repeat_for` askings.
    """
    first = _drawn(faults, uniform(seed, "fault", prompt, 0))
    sticks = first is not None and first is not Fault.MODEL_MISSING and uniform(seed, "repeat", prompt) < faults.repeat
    if sticks and asked_before < faults.repeat_for:
        return first
    return first if asked_before == 0 else _drawn(faults, uniform(seed, "fault", prompt, asked_before))


def retry_after_s(faults: Faults, seed: int, prompt: str, asked_before: int) -> int:
    """The Retry-After that this asking is given, in whole seconds."""
    span = faults.retry_after_max_s - faults.retry_after_min_s + 1
    return faults.retry_after_min_s + int(uniform(seed, "retry-after", prompt, asked_before) * span)


Grade = Literal["good", "middling", "poor"]


def grade_of(quality: Quality, seed: int, prompt: str, asked_before: int) -> Grade:
    """How good the answer at this asking of the prompt is. Once a prompt has been answered well, it stays so."""
    luck = uniform(seed, "quality", prompt)
    if luck < quality.always_poor:
        return "poor"
    if luck >= quality.always_poor + quality.middling + quality.poor:
        return "good"
    if any(uniform(seed, "improves", prompt, asking) < quality.improves for asking in range(1, min(asked_before, 64) + 1)):
        return "good"
    return "middling" if luck < quality.always_poor + quality.middling else "poor"


def _drawn(faults: Faults, luck: float) -> Fault | None:
    for fault in Fault:
        luck -= faults.share(fault)
        if luck < 0:
            return fault
    return None
