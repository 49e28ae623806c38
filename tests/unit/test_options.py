"""The options of a command say and allow what the plan does."""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Annotated

import pytest
import typer
from pydantic import BaseModel, Field
from typer.testing import CliRunner

from streaming.options import options
from streaming.plans import fields
from streaming.replays import cli as replays
from streaming.replays.plan import ReplayPlan
from streaming.traffic import cli as traffic
from streaming.traffic.plan import TrafficPlan


class Colour(StrEnum):
    RED = "red"
    BLUE = "blue"


class Plan(BaseModel):
    name: str = Field(description="Of a thing.")
    count: int = Field(3, ge=1, lt=10, description="How many things.")
    wait_s: float = Field(0.5, gt=0, le=60, description="Seconds between two.")
    colour: Colour = Field(Colour.BLUE, description="Of a thing.")
    since: datetime | None = Field(None, description="Things since then.")
    limit: Annotated[int, Field(ge=5)] | None = Field(None, description="So many things.")
    dry_run: bool = Field(False, description="Do nothing.")


class Called:
    """The command, and what it was called with."""

    def __init__(self) -> None:
        self.fields: Mapping[str, object] = {}
        self.own: object = None
        self.app = typer.Typer()

        @self.app.command()
        @options(Plan, name="sample")
        def command(fields: Mapping[str, object], own: Annotated[str, typer.Option(help="Its own.")] = "mine") -> None:
            """Does things."""
            self.fields, self.own = fields, own

    def __call__(self, *arguments: str) -> str:
        result = CliRunner(env={"COLUMNS": "200", "TERM": "dumb"}).invoke(self.app, arguments)
        return result.output


def test_without_options_the_command_gets_the_defaults_of_the_plan() -> None:
    called = Called()
    called()
    assert Plan(**called.fields) == Plan(name="sample")
    assert called.own == "mine"


def test_each_field_is_an_option() -> None:
    called = Called()
    called("--name", "x", "--count", "9", "--wait", "2", "--colour", "red")
    assert Plan(**called.fields) == Plan(name="x", count=9, wait_s=2, colour=Colour.RED)
    called("--since", "2026-03-01", "--limit", "5", "--dry-run", "--own", "y")
    assert Plan(**called.fields) == Plan(name="sample", since=datetime(2026, 3, 1), limit=5, dry_run=True)
    assert called.own == "y"


@pytest.mark.parametrize(
    ("option", "bad"), [("--count", "0"), ("--count", "10"), ("--wait", "61"), ("--colour", "green"), ("--limit", "4")]
)
def test_what_the_plan_refuses_the_command_refuses_with_the_options_name(option: str, bad: str) -> None:
    called = Called()
    assert option in called(option, bad)
    assert called.fields == {}


def test_the_help_is_the_plans() -> None:
    said = Called()("--help")
    assert all(text in said for text in ("Does things.", "How many things.", "1<=x<=9", "default: 3", "Its own."))


@pytest.mark.parametrize(("plan", "command"), [(TrafficPlan, traffic.traffic), (ReplayPlan, replays.replay)])
def test_the_commands_have_every_field_of_their_plans(plan: type[BaseModel], command: object) -> None:
    app = typer.Typer()
    app.command()(command)  # type: ignore[type-var]
    said = CliRunner(env={"COLUMNS": "400", "TERM": "dumb"}).invoke(app, ["--help"]).output
    for field in fields(plan):
        assert f"--{field.name.removesuffix('_s').replace('_', '-')} " in said
