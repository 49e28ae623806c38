"""What services say of themselves, as their /metrics had it."""

import logging
import socket
from datetime import UTC, datetime

import httpx
import pytest

from streaming.clock import ManualClock
from streaming.errors import Unreachable
from streaming.flink_rest import FlinkRest
from streaming.sampler import services
from streaming.sampler.service import Sampler, Targets
from tests.unit.sampler.test_taking import Cluster

SAID = """
# HELP process_resident_memory_bytes Resident memory size in bytes.
# TYPE process_resident_memory_bytes gauge
process_resident_memory_bytes 8.1235968e+07
# HELP process_cpu_seconds_total Total user and system CPU time spent in seconds.
# TYPE process_cpu_seconds_total counter
process_cpu_seconds_total 11.53
# HELP process_open_fds Number of open file descriptors.
# TYPE process_open_fds gauge
process_open_fds 37.0
"""
OF_THE_MODEL = """
# TYPE answerloop_model_calls_in_flight gauge
answerloop_model_calls_in_flight 2.0
# TYPE answerloop_model_in_flight_limit gauge
answerloop_model_in_flight_limit 8.0
"""
USED = {"cpu_seconds": 11.53, "memory_bytes": 81_235_968}


def client(answer: httpx.Response | Exception) -> httpx.Client:
    def reply(request: httpx.Request) -> httpx.Response:
        if isinstance(answer, Exception):
            raise answer
        answer.headers["x-asked"] = f"{request.url} {request.headers.get('authorization')}"
        return answer

    return httpx.Client(transport=httpx.MockTransport(reply))


def test_processor_and_memory_are_kept_and_nothing_else() -> None:
    assert services.samples_of(SAID) == USED


def test_the_model_consumers_calls_and_slots_are_kept() -> None:
    assert services.samples_of(SAID + OF_THE_MODEL) == USED | {"model_calls_in_flight": 2, "model_slots": 8}


def test_a_service_is_sampled_under_its_name_and_with_the_token_where_it_needs_one() -> None:
    answer = httpx.Response(200, text=SAID)
    assert services.take(client(answer), "storage_api", "http://127.0.0.1:8000", "secret") == {"storage_api": USED}
    assert answer.headers["x-asked"] == "http://127.0.0.1:8000/metrics Bearer secret"


def test_each_replica_of_a_service_has_samples_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 8000)) for address in ("10.0.0.5", "10.0.0.4")]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)
    assert services.take(client(httpx.Response(200, text=SAID)), "storage_api", "http://storage-api:8000").keys() == {
        "storage_api@10.0.0.4",
        "storage_api@10.0.0.5",
    }


@pytest.mark.parametrize(
    "answer",
    [
        httpx.ConnectError("refused"),
        httpx.ReadTimeout("slow"),
        httpx.Response(500),
        httpx.Response(200, text="<html>"),
        httpx.Response(200, text=OF_THE_MODEL),
    ],
)
def test_a_service_that_says_nothing_of_use_is_unreachable_and_never_zero(answer: httpx.Response | Exception) -> None:
    with pytest.raises(Unreachable, match=r"127\.0\.0\.1:8000/metrics"):
        services.take(client(answer), "storage_api", "http://127.0.0.1:8000")


def test_a_service_that_is_away_is_warned_of_once_and_keeps_the_sampler_ready(caplog: pytest.LogCaptureFixture) -> None:
    away = client(httpx.ConnectError("refused"))
    targets = Targets(away, {"storage_persister": "http://127.0.0.1:1"})
    clock = ManualClock(datetime(2026, 1, 1, tzinfo=UTC))
    flink = FlinkRest("http://flink", httpx.Client(transport=httpx.MockTransport(lambda _: httpx.Response(500))))
    sampler = Sampler("postgresql://x@127.0.0.1:1/x", Cluster(away=True), flink, targets, clock)
    with caplog.at_level(logging.WARNING):
        sampler.sample()
        sampler.sample()
    said = [each.getMessage() for each in caplog.records if "storage_persister" in each.getMessage()]
    assert len(said) == 1
    assert "does not answer" in said[0]
    assert "storage_persister" in sampler.away
    assert "storage_persister" not in sampler.problems
