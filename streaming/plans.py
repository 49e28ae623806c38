"""The fields of a plan as forms and commands show them: title, help, bounds and default stand on the plan's field alone."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import reduce
from operator import or_
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo


@dataclass(frozen=True)
class PlanField:
    """A field. `kind`: its type without bounds; `schema`: what JSON schema says of it, a choice of types taken together."""

    name: str
    kind: Any
    help: str
    default: Any
    schema: Mapping[str, Any]

    @property
    def bounds(self) -> tuple[float | None, float | None]:
        """The least and the greatest number that are allowed; None where there is none, or none that is itself allowed."""
        least, greatest = self.schema.get("minimum"), self.schema.get("maximum")
        if greatest is None and self.kind is int and "exclusiveMaximum" in self.schema:
            greatest = self.schema["exclusiveMaximum"] - 1
        return least, greatest


def fields(plan: type[BaseModel]) -> Iterator[PlanField]:
    """The plan's fields in their order."""
    document = plan.model_json_schema()
    for name, field in plan.model_fields.items():
        yield PlanField(name, _kind(field.annotation), _help(name, field), _default(field), _whole(document["properties"][name], document))


def _help(name: str, field: FieldInfo) -> str:
    assert field.description, f"the field {name} of a plan has no description"
    return field.description


def _default(field: FieldInfo) -> Any:
    return None if field.is_required() else field.default


def _kind(annotation: Any) -> Any:
    if get_origin(annotation) is Annotated:
        return _kind(get_args(annotation)[0])
    if get_origin(annotation) in (Union, UnionType):
        return reduce(or_, map(_kind, get_args(annotation)))
    return annotation


def _whole(schema: Mapping[str, Any], document: Mapping[str, Any]) -> dict[str, Any]:
    """The schema with what it refers to; of alternatives, such as a number or null, the types in a list and all bounds together."""
    alternatives = [_resolved(each, document) for each in schema.get("anyOf", (schema,))]
    types = [each["type"] for each in alternatives]
    bounds = {name: value for each in alternatives for name, value in each.items()}
    return {**bounds, **schema, "type": types if len(types) > 1 else types[0]}


def _resolved(schema: Mapping[str, Any], document: Mapping[str, Any]) -> Mapping[str, Any]:
    if "$ref" not in schema:
        return schema
    resolved: Mapping[str, Any] = document["$defs"][schema["$ref"].rsplit("/", 1)[1]]
    return resolved
