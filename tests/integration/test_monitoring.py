"""What the running services expose, against what Prometheus judges and Grafana draws; and the stack's own Prometheus."""

import os
from contextlib import suppress
from typing import Any

import httpx
import pytest

from deploy.local import prometheus
from deploy.local import stack as local_stack
from deploy.local.ports import HOST
from deploy.local.stack import Stack
from streaming import settings
from tests import stack
from tests.monitoring import RULES, expressions, metrics_in

pytestmark = pytest.mark.integration

DRAWN_OR_JUDGED = {name for _, expression in expressions() for name, _ in metrics_in(expression)}


@pytest.fixture(scope="module")
def here() -> Stack:
    return local_stack.recorded(os.environ)


@pytest.fixture
def monitored(here: Stack) -> Stack:
    if not here.monitored:
        pytest.skip("this stack has no Prometheus: it was not installed when the stack was started")
    return here


def series(here: Stack) -> dict[str, set[str]]:
    """By job, the names of the series that it exposes now. Flink's processes expose them where the stack has a Prometheus."""
    token = settings.load().api_token
    headers = {"Authorization": f"Bearer {token.get_secret_value()}"} if token else {}
    found = {}
    for job, port in prometheus.ports_of_jobs(here.ports).items():
        if here.monitored or not job.startswith("flink"):
            text = httpx.get(f"http://{HOST}:{port}/metrics", headers=headers, timeout=10).raise_for_status().text
            found[job] = {line.split("{")[0].split()[0] for line in text.splitlines() if line and not line.startswith("#")}
    return found


def asked(here: Stack, path: str, **params: str) -> Any:
    """The data of a reply of Prometheus."""
    reply = httpx.get(f"http://{HOST}:{here.ports.prometheus}/api/v1/{path}", params=params, timeout=10)
    assert reply.json()["status"] == "success", reply.text
    return reply.json()["data"]


@pytest.mark.timeout(300)
async def test_every_metric_that_is_drawn_or_judged_is_one_that_the_services_expose(here: Stack) -> None:
    """The score job's are there from its first record, the sampler's from its first sample."""
    stack.set_faults()
    await stack.traffic(dataset=stack.load_sample(), requests=10, rate=10)
    wanted = {name for name in DRAWN_OR_JUDGED if here.monitored or not name.startswith("flink_")}
    assert wanted

    def missing() -> set[str]:
        return wanted - set().union(*series(here).values())

    with suppress(AssertionError):
        stack.until(lambda: not missing(), "every metric is exposed", 60)
    assert missing() == set()


def test_only_the_service_that_has_a_gate_a_job_or_an_outbox_says_how_it_stands(here: Stack) -> None:
    exposed = series(here)
    for name, owner in (
        ("answerloop_model_gate_open", "llm-consumer"),
        ("answerloop_score_job_running", "job-submitter"),
        ("answerloop_questions_unenqueued", "storage-api"),
    ):
        assert [job for job, names in exposed.items() if name in names] == [owner]


def test_prometheus_reaches_every_target(monitored: Stack) -> None:
    targets: list[dict[str, Any]] = []

    def all_up() -> bool:
        nonlocal targets
        targets = asked(monitored, "targets", state="active")["activeTargets"]
        return len(targets) == len(prometheus.ports_of_jobs(monitored.ports)) and {each["health"] for each in targets} == {"up"}

    stack.until(all_up, f"targets are up: {[(each['scrapeUrl'], each['lastError']) for each in targets]}", 60)


def test_prometheus_evaluates_every_rule(monitored: Stack) -> None:
    def rules() -> list[dict[str, Any]]:
        return [rule for group in asked(monitored, "rules")["groups"] for rule in group["rules"]]

    stack.until(lambda: {rule["health"] for rule in rules()} == {"ok"}, "every rule was evaluated", 60)
    assert [rule["name"] for rule in rules()] == [rule["alert"] for rule in RULES]


def test_prometheus_answers_every_query_of_the_dashboard(monitored: Stack) -> None:
    for _, expression in expressions():
        asked(monitored, "query", query=expression.replace("$__rate_interval", "1m"))
