"""What Prometheus judges and Grafana draws: the expressions and the metrics in them."""

import json
import re
from collections.abc import Iterator

import yaml

from deploy.grafana import dashboard
from tests.unit.compose.project import ROOT

PROMETHEUS = ROOT / "deploy" / "prometheus"
RULES = yaml.safe_load((PROMETHEUS / "rules.yml").read_text())["groups"][0]["rules"]
_NAME = re.compile(r"\b((?:answerloop|flink)_\w+)(?:\{([^}]*)\})?")


def expressions() -> Iterator[tuple[str, str]]:
    """Alert or panel, and one of its expressions."""
    for rule in RULES:
        yield rule["alert"], rule["expr"]
    for panel in json.loads(dashboard.FILE.read_text())["panels"]:
        for query in panel.get("targets", ()):
            yield panel["title"], query["expr"]


def metrics_in(expression: str) -> list[tuple[str, str]]:
    """The metrics of an expression, each with its matchers."""
    return _NAME.findall(expression)
