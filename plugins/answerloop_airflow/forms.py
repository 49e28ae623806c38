"""Fields of a trigger form that stand for fields of a plan: bounds, choices and default are the plan's own."""

from __future__ import annotations

from typing import Any

from airflow.sdk import Param
from pydantic import BaseModel

_BOUNDS = ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "minLength", "maxLength", "pattern", "format", "enum")


def plan_param(
    plan: type[BaseModel], field: str, *, title: str, description: str, section: str | None = None, default: Any = None
) -> Param:
    """The form's field for `field` of `plan`.

    `section`: where the form folds it away, None for what it shows at once; `default`: only where the plan has none.
    """
    document = plan.model_json_schema()
    schema = document["properties"][field]
    alternatives = [_resolved(each, document) for each in schema.get("anyOf", (schema,))]
    types = [each["type"] for each in alternatives]
    optional = {bound: value for each in alternatives for bound, value in each.items() if bound in _BOUNDS}
    if section:
        optional["section"] = section
    return Param(
        schema.get("default", default),
        type=types if len(types) > 1 else types[0],
        title=title,
        description=description,
        **optional,
    )


def _resolved(schema: dict[str, Any], document: dict[str, Any]) -> dict[str, Any]:
    if "$ref" not in schema:
        return schema
    resolved: dict[str, Any] = document["$defs"][schema["$ref"].rsplit("/", 1)[1]]
    return resolved
