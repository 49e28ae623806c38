"""What to calibrate on, checked."""

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from streaming.errors import UserError
from streaming.names import Name


class CalibrationPlan(BaseModel):
    """What to calibrate on: so many questions of a dataset, drawn by the seed."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    dataset: Name
    pairs: int = Field(default=1000, ge=20, le=5000, description="questions, each of which gives a matched and an unrelated pair")
    seed: int = Field(default=1, ge=0, lt=2**63)


def checked(**fields: object) -> CalibrationPlan:
    """The plan with these fields. Raises UserError that names every bad one and what is allowed."""
    try:
        return CalibrationPlan.model_validate(fields)
    except ValidationError as err:
        faults = "; ".join(f"{'.'.join(map(str, each['loc']))}={each['input']!r}: {each['msg']}" for each in err.errors())
        raise UserError(f"This calibration cannot be run: {faults}") from err
