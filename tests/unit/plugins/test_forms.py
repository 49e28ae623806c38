"""A form's fields have the bounds of the plan that they fill."""

from enum import StrEnum
from typing import Annotated

import pytest
from airflow.sdk import Param
from airflow.sdk.exceptions import ParamValidationError
from pydantic import BaseModel, Field

from answerloop_airflow.forms import params


class Colour(StrEnum):
    RED = "red"
    BLUE = "blue"


class Plan(BaseModel):
    name: Annotated[str, Field(min_length=2)] = Field(title="Name", description="Of a thing.")
    count: int = Field(3, ge=1, le=10, title="Count", description="Of things.")
    share: float = Field(0.5, gt=0, lt=1, title="Share", description="Of things.")
    colour: Colour = Field(Colour.BLUE, title="Colour", description="Of a thing.")
    limit: int | None = Field(None, ge=5, title="Limit", description="Of things.", json_schema_extra={"section": "Details"})


def field(name: str) -> Param:
    return params(Plan)[name]


@pytest.mark.parametrize(("name", "good"), [("count", 10), ("share", 0.9), ("colour", "red"), ("limit", 5), ("limit", None)])
def test_what_the_plan_takes_the_form_takes(name: str, good: object) -> None:
    assert field(name).resolve(good) == good


@pytest.mark.parametrize(
    ("name", "bad"), [("count", 11), ("count", 0), ("count", 1.5), ("share", 1), ("share", 0), ("colour", "green"), ("limit", 4)]
)
def test_what_the_plan_refuses_the_form_refuses(name: str, bad: object) -> None:
    with pytest.raises(ParamValidationError):
        field(name).resolve(bad)


def test_defaults_are_the_plans_and_a_missing_one_is_given() -> None:
    assert [field(name).resolve() for name in ("count", "colour", "limit")] == [3, "blue", None]
    assert params(Plan, name="sample")["name"].resolve() == "sample"


def test_title_help_and_section_are_the_plans() -> None:
    limit = field("limit")
    assert (limit.schema["title"], limit.description, limit.schema["section"]) == ("Limit", "Of things.", "Details")


def test_a_field_may_be_left_out() -> None:
    assert list(params(Plan, without=("share", "limit"))) == ["name", "count", "colour"]
