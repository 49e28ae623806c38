"""The options of a command, made from the fields of a plan."""

import inspect
from collections.abc import Callable, Mapping
from functools import wraps
from typing import Annotated, Any

import typer
from pydantic import BaseModel

from streaming.plans import PlanField, fields


def options(plan: type[BaseModel], **defaults: object) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Gives a command an option for each field of the plan; it is called with a mapping of them, then with its own parameters.

    A time in seconds, `wait_s`, is the option `--wait`. `defaults`: of fields that have none in the plan.
    """
    made = [_parameter(field, defaults) for field in fields(plan)]

    def decorated(command: Callable[..., None]) -> Callable[..., None]:
        _, *own = inspect.signature(command, eval_str=True).parameters.values()

        @wraps(command)
        def called(**given: object) -> None:
            chosen = {each.name: given.pop(each.name) for each in made}
            command(chosen, **given)

        parameters = [*made, *(each.replace(kind=inspect.Parameter.KEYWORD_ONLY) for each in own)]
        called.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        called.__annotations__ = {each.name: each.annotation for each in parameters}
        return called

    return decorated


def _parameter(field: PlanField, defaults: Mapping[str, object]) -> inspect.Parameter:
    least, greatest = field.bounds
    option = typer.Option(f"--{field.name.removesuffix('_s').replace('_', '-')}", help=field.help, min=least, max=greatest)
    annotation: Any = Annotated[field.kind, option]
    default = defaults.get(field.name, field.default)
    return inspect.Parameter(field.name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)
