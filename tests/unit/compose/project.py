"""docker-compose.yaml as Compose sees it: anchors merged, variables filled in."""

import re
from functools import cache
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[3]
FILE = ROOT / "docker-compose.yaml"
SECRET = "secret-of-the-test"
_VARIABLE = re.compile(r"\$\$|\$\{(?P<name>\w+)(?::(?P<kind>[-?])(?P<rest>[^}]*))?\}|\$(?P<bare>\w+)")


def interpolated(value: Any, variables: dict[str, str]) -> Any:
    """The value with ${NAME}, ${NAME:-default} and ${NAME:?message} filled in; a required variable without a value is a KeyError."""
    if isinstance(value, dict):
        return {name: interpolated(each, variables) for name, each in value.items()}
    if isinstance(value, list):
        return [interpolated(each, variables) for each in value]
    if not isinstance(value, str):
        return value

    def fill(match: re.Match[str]) -> str:
        if match[0] == "$$":
            return "$"
        name = match["name"] or match["bare"]
        if variables.get(name):
            return variables[name]
        if match["kind"] == "-":
            return match["rest"]
        if match["kind"] == "?":
            raise KeyError(f"{name}: {match['rest']}")
        return variables[name]

    return _VARIABLE.sub(fill, value)


def required_variables() -> set[str]:
    return {match["name"] for match in _VARIABLE.finditer(FILE.read_text()) if match["kind"] == "?"}


@cache
def raw() -> dict[str, Any]:
    """The file, its anchors merged and nothing filled in."""
    loaded: dict[str, Any] = yaml.safe_load(FILE.read_text())
    return loaded


@cache
def project() -> dict[str, Any]:
    """The file as it is with an .env that holds the required variables alone."""
    filled: dict[str, Any] = interpolated(raw(), dict.fromkeys(required_variables(), SECRET))
    return filled


@cache
def services() -> dict[str, Any]:
    found: dict[str, Any] = project()["services"]
    return found


def target(name: str) -> str | None:
    """Which image of deploy/docker a service runs, None for an official one."""
    image: str = services()[name]["image"]
    return image.removeprefix("answerloop/") if image.startswith("answerloop/") else None


def environment(name: str) -> dict[str, str]:
    found: dict[str, str] = services()[name].get("environment", {})
    return found
