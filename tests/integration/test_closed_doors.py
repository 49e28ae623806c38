"""What a page in the user's browser, or a name that was made to lead here, must not reach."""

import httpx
import pytest

from flink.rest import Cluster
from streaming import settings

pytestmark = pytest.mark.integration


def test_flink_takes_no_jar() -> None:
    url = settings.load().flink_url
    with httpx.Client(trust_env=False) as browser:
        reply = browser.post(f"{url}/jars/upload", files={"jarfile": ("evil.jar", b"PK", "application/x-java-archive")})
        assert (reply.status_code, reply.json()) == (400, {"errors": ["POST request not allowed"]})
        assert browser.get(f"{url}/jars").status_code == 404


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
