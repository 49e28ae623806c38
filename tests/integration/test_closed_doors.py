"""What a page in the user's browser, a name that was made to lead here, or another machine must not reach."""

import ipaddress
import os

import httpx
import psutil
import pytest

from deploy.local import processes
from deploy.local import stack as local_stack
from flink.rest import Cluster
from streaming import settings
from tests.stack import until

pytestmark = pytest.mark.integration

FORM = {"request": ("request", b'{"jobGraphFileName": "graph"}', "application/json"), "graph": ("graph", b"anything")}


def listening() -> list[tuple[str, str, int]]:
    """Every socket of the stack's processes that listens: the program with its number, the address and the port."""
    found = []
    for process in processes.of_stack(local_stack.recorded(os.environ).places):
        try:
            program = f"{process.name()} {process.pid}: {' '.join(process.cmdline())[-160:]}"
            found += [(program, *each.laddr) for each in process.net_connections("tcp") if each.status == psutil.CONN_LISTEN]
        except psutil.NoSuchProcess:
            continue
    return found


def is_loopback(address: str) -> bool:
    parsed = ipaddress.ip_address(address)
    return (getattr(parsed, "ipv4_mapped", None) or parsed).is_loopback


def test_nothing_of_the_stack_listens_beyond_loopback() -> None:
    until(lambda: any(job.settled for job in Cluster(settings.load().flink_url).jobs("flink_score_job")), "the score job runs", 120)
    found = listening()
    assert [each for each in found if not is_loopback(each[1])] == []
    known = local_stack.recorded(os.environ).ports
    (taskmanager,) = {program for program, _, port in found if port == known.flink_taskmanager_data}
    assert sum(program == taskmanager for program, *_ in found) > 6, "the servers of its Python workers are among them"


def test_flink_takes_no_jar() -> None:
    url = settings.load().flink_url
    with httpx.Client(trust_env=False) as browser:
        reply = browser.post(f"{url}/jars/upload", files={"jarfile": ("evil.jar", b"PK", "application/x-java-archive")})
        assert (reply.status_code, reply.json()) == (400, {"errors": ["POST request not allowed"]})
        assert browser.get(f"{url}/jars").status_code == 404


@pytest.mark.parametrize("origin", ["https://evil.example.org", "null", "http://localhost:3000"])
def test_flink_takes_no_job_from_another_page(origin: str) -> None:
    with httpx.Client(trust_env=False) as browser:
        reply = browser.post(f"{settings.load().flink_url}/v1/jobs", files=FORM, headers={"origin": origin})
    assert reply.status_code == 403
    kept = local_stack.recorded(os.environ).places.flink / "uploads"
    assert not [path for path in kept.rglob("*") if path.is_file()], "what is refused is not kept either"


def test_flink_answers_to_names_of_this_machine_alone() -> None:
    url = httpx.URL(settings.load().flink_url)
    with httpx.Client(trust_env=False) as browser:
        assert browser.get(f"{url}/overview", headers={"host": f"evil.example.org:{url.port}"}).status_code == 403
        for name in ("localhost", "127.0.0.1"):
            own = f"http://{name}:{url.port}"
            assert browser.get(f"{url}/overview", headers={"host": f"{name}:{url.port}", "origin": own}).status_code == 200


def test_the_score_job_runs_all_the_same() -> None:
    assert any(job.settled for job in Cluster(settings.load().flink_url).jobs("flink_score_job"))


def test_a_proxy_of_the_environment_is_not_asked_for_the_stack_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    assert Cluster(settings.load().flink_url).jobs("flink_score_job")


def test_the_api_answers_to_names_of_this_machine_alone() -> None:
    url = settings.load().api_url
    with httpx.Client(trust_env=False) as client:
        assert client.get(f"{url}/healthz").status_code == 200
        assert client.get(f"{url}/healthz", headers={"host": "evil.example.org"}).status_code == 400
