"""Each component asked at once, what follows from what they say, and the page over it."""

import socket
import threading
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import httpx
import pytest
from fastapi.testclient import TestClient
from pydantic import SecretStr

from answerloop_airflow.pages import probes
from answerloop_airflow.pages.addresses import Addresses
from answerloop_airflow.pages.health import DOWN, NOT_READY, UP, Checkpoint, Component, Health
from answerloop_airflow.pages.needs import Stored, needs
from answerloop_airflow.pages.routes import health as health_route
from streaming.model.ollama import Ollama
from streaming.model.server import Sampling
from streaming.settings import Settings
from tests.unit.model.network import Network
from tests.unit.pages.conftest import Tables

SERVICES = ("llm_consumer_service", "retry_quota_consumer", "storage_persister")
WHERE = Addresses(
    Settings(
        api_url="http://api",
        api_token=SecretStr("token-of-the-api"),
        ollama_url="http://model",
        sampler_targets=",".join(f"{name}=http://{name.replace('_', '-')}" for name in SERVICES),
    ),
    "http://flink",
    "http://submitter",
    redis="127.0.0.1:1",
)
COMPLETED = {
    "latest_ack_timestamp": 990_000,
    "end_to_end_duration": 12,
    "state_size": 2048,
    "external_path": "file:/checkpoints/chk-7",
}


class Loop:
    """Everybody is well, but for what a test sets: a status and a body by host and path, or silence."""

    def __init__(self, listener: str) -> None:
        self.kafka = self.redis = listener
        self.replies: dict[str, tuple[int, Any]] = {
            "model/api/version": (200, {"version": "0.17.4"}),
            "flink/overview": (200, {"taskmanagers": 1, "slots-total": 2, "slots-available": 1}),
            "flink/jobs/overview": (200, {"jobs": [{"jid": "j", "name": "flink_score_job", "state": "RUNNING"}]}),
            "flink/jobs/j/checkpoints": (200, {"counts": {"completed": 7}, "latest": {"completed": COMPLETED}}),
        }
        self.silent: set[str] = set()
        self.slow: dict[str, threading.Event] = {}
        self.seen: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.seen.append(request)
        if request.url.host in self.slow:
            self.slow[request.url.host].wait(10)
        if request.url.host in self.silent:
            raise httpx.ConnectError("refused")
        status, body = self.replies.get(f"{request.url.host}{request.url.path}", (200, {"status": "ready", "problems": {}}))
        return httpx.Response(status, json=body)

    def model(self, settings: Settings) -> Ollama:
        return Ollama(settings.ollama_url, Sampling(1, 0.0), 1.0, 1, Network(self))

    def look(self, tables: Tables) -> Health:
        where = replace(WHERE, settings=WHERE.settings.model_copy(update={"kafka_bootstrap": self.kafka}), redis=self.redis)
        return probes.look(where, tables, now_s=1000.0, transport=httpx.MockTransport(self), server=self.model)  # type: ignore[arg-type]


@pytest.fixture
def loop() -> Iterator[Loop]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield Loop(f"127.0.0.1:{listener.getsockname()[1]}")


def by_name(health: Health) -> Mapping[str, Component]:
    return {each.name: each for each in health.components}


def test_a_loop_at_work_needs_nobody(loop: Loop, tables: Tables) -> None:
    found = loop.look(tables)
    assert {each.state for each in found.components} == {UP}
    assert (
        set(SERVICES) | {"storage_api", "job_submitter", "postgresql", "kafka", "redis", "model server", "flink score job"}
        == by_name(found).keys()
    )
    assert found.gate == ""
    assert found.checkpoint == Checkpoint(10.0, 12, 2048, 7, "file:/checkpoints/chk-7")
    assert needs(found, None) == []


def test_a_closed_gate_is_told_with_its_reason_and_a_command(loop: Loop, tables: Tables) -> None:
    loop.replies["llm-consumer-service/readyz"] = (503, {"problems": {"model": "model 'x' not found"}})
    found = loop.look(tables)
    assert by_name(found)["llm_consumer_service"].state == NOT_READY
    assert found.gate == "model: model 'x' not found"
    (need,) = needs(found, None)
    assert "model 'x' not found" in need.what
    assert "pull the model" in need.do
    assert need.command == "curl $ANSWERLOOP_OLLAMA_URL/api/tags"


def test_a_redis_that_refuses_writes_is_told_beside_a_ready_api_and_needs_nobody(loop: Loop, tables: Tables) -> None:
    loop.replies["api/readyz"] = (200, {"status": "ready", "problems": {"redis": "Redis refuses to store answers: OOM"}})
    found = loop.look(tables)
    assert by_name(found)["storage_api"] == Component("storage_api", UP, "redis: Redis refuses to store answers: OOM")
    assert needs(found, None) == []


def test_whoever_does_not_answer_is_down_and_the_others_are_still_told(loop: Loop, tables: Tables) -> None:
    loop.silent = {"storage-persister", "flink", "model"}
    tables.away = True
    found = loop.look(tables)
    down = {each.name: each for each in found.components if each.state == DOWN}
    assert down.keys() == {"storage_persister", "flink score job", "model server", "postgresql"}
    assert down["storage_persister"].command == "make logs S=storage-persister"
    assert found.checkpoint is None


def test_stores_that_nobody_can_connect_to_are_down_and_say_what_that_means(loop: Loop, tables: Tables) -> None:
    listener = loop.kafka
    loop.kafka, loop.redis = "127.0.0.1:1,127.0.0.1:2", "127.0.0.1:1"
    found = by_name(loop.look(tables))
    assert (found["kafka"].state, found["kafka"].command) == (DOWN, "make logs S=kafka")
    assert "127.0.0.1:1 does not answer" in found["kafka"].says
    assert "127.0.0.1:2 does not answer" in found["kafka"].says
    assert (found["redis"].state, found["redis"].command) == (DOWN, "make logs S=redis")
    assert "nothing is lost" in found["redis"].act

    loop.kafka = f"127.0.0.1:1,{listener}"
    assert by_name(loop.look(tables))["kafka"].state == UP, "one broker is enough to find the others"


@pytest.mark.parametrize("body", [[], {"problems": ["x"]}, 7, "text"])
def test_a_service_that_answers_nonsense_is_told_and_the_page_is_shown(loop: Loop, tables: Tables, body: Any) -> None:
    loop.replies["storage-persister/readyz"] = (503, body)
    found = by_name(loop.look(tables))["storage_persister"]
    assert (found.state, found.says) == (NOT_READY, "answers 503")


@pytest.mark.parametrize("path", ["flink/overview", "flink/jobs/overview", "flink/jobs/j/checkpoints", "model/api/version"])
def test_others_that_answer_nonsense_are_down(loop: Loop, tables: Tables, path: str) -> None:
    loop.replies[path] = (200, [])
    assert DOWN in {each.state for each in loop.look(tables).components}


def test_whoever_takes_too_long_is_down_and_keeps_nobody_waiting(loop: Loop, tables: Tables, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probes, "DEADLINE_S", 0.2)
    ended = threading.Event()
    loop.slow = {"storage-persister": ended, "flink": ended}
    try:
        found = by_name(loop.look(tables))
    finally:
        ended.set()
    assert {each.name for each in found.values() if each.state == DOWN} == {"storage_persister", "flink score job"}
    assert found["storage_persister"].says == "does not answer within 0.2 s"


def test_each_reason_is_shown_as_text(client: TestClient, tables: Tables, monkeypatch: pytest.MonkeyPatch) -> None:
    tables.away = True
    found = Health([Component("storage_persister", NOT_READY, "kafka: no <script>broker</script>")], None)
    monkeypatch.setattr(health_route, "look", lambda *_: found)
    text = client.get("/health").text
    assert "kafka: no &lt;script&gt;broker" in text
    assert "<script>broker" not in text


def test_nobody_says_of_the_gate_while_the_consumer_is_away(loop: Loop, tables: Tables) -> None:
    loop.silent = {"llm-consumer-service"}
    assert loop.look(tables).gate is None


def test_a_cluster_without_the_job_is_no_job(loop: Loop, tables: Tables) -> None:
    loop.replies["flink/jobs/overview"] = (200, {"jobs": []})
    job = by_name(loop.look(tables))["flink score job"]
    assert job.state == DOWN
    assert "no job runs; 1 TaskManager, 1 of 2 slots free" in job.says


def test_a_job_before_its_first_checkpoint_has_none(loop: Loop, tables: Tables) -> None:
    loop.replies["flink/jobs/j/checkpoints"] = (200, {"counts": {"completed": 0}, "latest": {"completed": None}})
    assert loop.look(tables).checkpoint is None


def test_the_token_goes_to_the_api_alone(loop: Loop, tables: Tables) -> None:
    loop.look(tables)
    told = {request.url.host for request in loop.seen if "authorization" in request.headers}
    assert told == {"api"}


WELL = Health([], Checkpoint(5.0, 10, 100, 3, "p"))
LAG = [
    {"group": "storage_persister", "topic": "validated-responses", "lag": 3, "records": 70, "age_s": 4.0},
    {"group": "", "topic": "dead-letters", "lag": 0, "records": 0, "age_s": 4.0},
]


def stored(**fields: Any) -> Stored:
    return Stored(**({"pending": 2, "unenqueued": 0, "oldest_s": 3.0, "lag": LAG, "dead_letters_lately": 0} | fields))


@pytest.mark.parametrize(
    ("health", "what", "command"),
    [
        (stored(lag=[]), "Nobody samples", "make logs S=sampler"),
        (stored(lag=[{**LAG[0], "age_s": 600.0}]), "Nobody samples", "make logs S=sampler"),
        (stored(oldest_s=7300.0), "has waited for 2.0 hours", "requeue-stuck"),
        (stored(dead_letters_lately=4), "4 records came to dead-letters within a day", "kcat"),
    ],
)
def test_what_does_not_mend_itself_is_told_with_its_command(health: Stored, what: str, command: str) -> None:
    (need,) = needs(WELL, health)
    assert what in need.what
    assert command in need.command


def test_dead_letters_of_earlier_days_are_counted_and_need_nobody() -> None:
    found = stored(lag=[*LAG[:1], {**LAG[1], "records": 4}])
    assert found.dead_letters == 4
    assert needs(WELL, found) == []


def test_an_old_checkpoint_is_told() -> None:
    (need,) = needs(Health([], Checkpoint(600.0, 10, 100, 3, "p")), stored())
    assert "10 minutes old" in need.what


def test_the_page_is_shown_whatever_is_away(client: TestClient, tables: Tables) -> None:
    tables.away = True
    reply = client.get("/health")
    assert reply.status_code == 200
    assert "PostgreSQL cannot be used: nobody listens." in reply.text
    assert "make up" in reply.text
