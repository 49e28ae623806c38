"""Trigger forms, made from the fields of a plan."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from airflow.sdk import Param
from pydantic import BaseModel

from streaming.plans import PlanField, fields

# What Airflow's forms make of a schema.
_SHOWN = (
    *("type", "title", "section", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"),
    *("minLength", "maxLength", "pattern", "format", "enum"),
)


def params(plan: type[BaseModel], *, without: Collection[str] = (), **defaults: object) -> dict[str, Param]:
    """A field of the form for each of the plan but `without`. `defaults`: of fields that have none in the plan."""
    return {field.name: _param(field, defaults.get(field.name, field.default)) for field in fields(plan) if field.name not in without}


def _param(field: PlanField, default: Any) -> Param:
    return Param(default, description=field.help, **{name: field.schema[name] for name in _SHOWN if name in field.schema})
