"""The owner of the score job against a cluster that is played by a transport."""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi.testclient import TestClient

from flink.rest import Cluster
from flink.submission import SubmissionFailed, command
from flink.submitter import Owner, job_app
from streaming.errors import Unreachable
from tests.unit.flink_submitter.test_causes import KAFKA_AWAY, NO_TASK_MANAGER

STACKTRACE = """org.apache.flink.runtime.JobException: Recovery is suppressed
\tat org.apache.flink.Something(Something.java:1)
Caused by: java.lang.RuntimeException: Error received from SDK harness for instruction 1: Traceback (most recent call last):
  File "operators.py", line 1, in open
streaming.errors.ConfigurationError: there is no such model
\tat org.apache.beam.Other(Other.java:2)
\t... 3 more
"""


class PlayedCluster:
    """Flink's REST API over a list of jobs."""

    def __init__(self) -> None:
        self.jobs: list[dict[str, Any]] = []
        self.cancelled: list[str] = []
        self.away = False
        self.stacktrace = STACKTRACE

    def add(self, job_id: str, state: str = "RUNNING", running: int = 2, name: str = "flink_score_job") -> None:
        self.jobs.append(
            {"jid": job_id, "name": name, "state": state, "start-time": len(self.jobs), "tasks": {"running": running, "total": 2}}
        )

    def __call__(self, request: httpx.Request) -> httpx.Response:
        if self.away:
            raise httpx.ConnectError("refused")
        if request.url.path == "/jobs/overview":
            return httpx.Response(200, json={"jobs": self.jobs})
        if request.method == "PATCH":
            self.cancelled.append(request.url.path.removeprefix("/jobs/"))
            return httpx.Response(202)
        return httpx.Response(200, json={"exceptionHistory": {"entries": [{"stacktrace": self.stacktrace}]}})


class Submissions:
    """Plays Flink's client: starts a job on the cluster, or fails as often as told."""

    def __init__(self, cluster: PlayedCluster) -> None:
        self._cluster = cluster
        self.asked: list[Path | None] = []
        self.failures = 0
        self.failing: Exception = SubmissionFailed("the checkpoint is corrupt")

    def __call__(self, checkpoint: Path | None) -> str:
        self.asked.append(checkpoint)
        if self.failures:
            self.failures -= 1
            raise self.failing
        job_id = f"job-{len(self.asked)}"
        self._cluster.add(job_id)
        return job_id


@pytest.fixture
def cluster() -> PlayedCluster:
    return PlayedCluster()


@pytest.fixture
def submissions(cluster: PlayedCluster) -> Submissions:
    return Submissions(cluster)


def owner_of(
    cluster: PlayedCluster, submissions: Submissions, folder: Path | None = None, monotonic: Callable[[], float] = lambda: 0.0
) -> Owner:
    return Owner(Cluster("http://flink", httpx.MockTransport(cluster)), folder, submissions, monotonic)


def checkpoint(folder: Path) -> Path:
    place = folder / "some-job" / "chk-5"
    place.mkdir(parents=True)
    (place / "_metadata").write_bytes(b"x")
    return place


def test_an_empty_cluster_gets_the_job_and_only_one(cluster: PlayedCluster, submissions: Submissions) -> None:
    owner = owner_of(cluster, submissions)
    for _ in range(3):
        owner.look()
    assert submissions.asked == [None]
    assert (owner.view.state, owner.view.job_id, owner.problems()) == ("running", "job-1", {})


def test_jobs_of_other_names_are_none_of_its_business(cluster: PlayedCluster, submissions: Submissions) -> None:
    cluster.add("theirs", name="another job")
    owner = owner_of(cluster, submissions)
    owner.look()
    owner.look()
    assert cluster.cancelled == []
    assert owner.view.job_id == "job-1"


def test_a_cluster_that_forgot_the_job_gets_it_from_the_checkpoint(
    cluster: PlayedCluster, submissions: Submissions, tmp_path: Path
) -> None:
    place = checkpoint(tmp_path)
    owner = owner_of(cluster, submissions, tmp_path)
    cluster.add("first")
    owner.look()
    cluster.jobs.clear()
    owner.look()
    owner.look()
    assert submissions.asked == [place]
    assert (owner.view.state, owner.view.restored_from) == ("running", str(place))


def test_a_cluster_that_is_away_is_not_blamed_on_the_checkpoint(cluster: PlayedCluster, submissions: Submissions, tmp_path: Path) -> None:
    owner = owner_of(cluster, submissions, tmp_path)
    cluster.away = True
    owner.look()
    assert submissions.asked == []
    assert "does not answer" in owner.problems()["flink"]


def test_after_two_refused_restores_the_job_starts_without_state(
    cluster: PlayedCluster, submissions: Submissions, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    place = checkpoint(tmp_path)
    owner = owner_of(cluster, submissions, tmp_path)
    submissions.failures = 2
    pauses = [owner.look() for _ in range(3)]
    assert submissions.asked == [place, place, None]
    assert pauses == [2.0, 4.0, 1.0]
    assert "WITHOUT STATE" in caplog.text


@pytest.mark.parametrize("away", [KAFKA_AWAY, NO_TASK_MANAGER])
def test_an_outage_of_whatever_length_drops_no_state(away: str, cluster: PlayedCluster, submissions: Submissions, tmp_path: Path) -> None:
    place = checkpoint(tmp_path)
    clock = iter(range(0, 100_000, 25))
    owner = owner_of(cluster, submissions, tmp_path, lambda: float(next(clock)))
    cluster.stacktrace = away
    for _ in range(2):
        owner.look()
        cluster.jobs[0] |= {"state": "RESTARTING", "tasks": {"running": 0, "total": 2}}
        for _ in range(20):
            owner.look()
        assert (owner.view.state, cluster.cancelled) == ("failing", [])
        cluster.jobs.clear()
    owner.look()
    assert submissions.asked == [place] * 3


def test_what_fails_after_an_outage_has_the_whole_time_to_recover(cluster: PlayedCluster, submissions: Submissions, tmp_path: Path) -> None:
    checkpoint(tmp_path)
    now = 0.0
    owner = owner_of(cluster, submissions, tmp_path, lambda: now)
    owner.look()
    cluster.jobs[0] |= {"state": "RESTARTING", "tasks": {"running": 0, "total": 2}}
    cluster.stacktrace, now = KAFKA_AWAY, 300.0
    owner.look()
    cluster.stacktrace, now = STACKTRACE, 359.0
    owner.look()
    assert cluster.cancelled == []
    now = 361.0
    owner.look()
    assert cluster.cancelled == ["job-1"]


def test_a_submission_that_failed_for_an_outage_condemns_no_checkpoint(
    cluster: PlayedCluster, submissions: Submissions, tmp_path: Path
) -> None:
    place = checkpoint(tmp_path)
    owner = owner_of(cluster, submissions, tmp_path)
    submissions.failures, submissions.failing = 4, Unreachable("Flink's client was not done within 180 s")
    assert [owner.look() for _ in range(4)] == [2.0, 4.0, 8.0, 16.0]
    owner.look()
    assert submissions.asked == [place] * 5


def test_a_restored_job_that_runs_clears_the_count_of_failures(cluster: PlayedCluster, submissions: Submissions, tmp_path: Path) -> None:
    place = checkpoint(tmp_path)
    owner = owner_of(cluster, submissions, tmp_path)
    for _ in range(3):
        submissions.failures = 1
        owner.look()
        owner.look()
        owner.look()
        cluster.jobs.clear()
    assert submissions.asked == [place] * 6


def test_a_job_that_ran_without_state_is_restored_from_its_own_checkpoints(
    cluster: PlayedCluster, submissions: Submissions, tmp_path: Path
) -> None:
    place = checkpoint(tmp_path)
    owner = owner_of(cluster, submissions, tmp_path)
    submissions.failures = 2
    for _ in range(4):
        owner.look()
    cluster.jobs.clear()
    owner.look()
    assert submissions.asked == [place, place, None, place]


def test_surplus_jobs_are_cancelled(cluster: PlayedCluster, submissions: Submissions) -> None:
    cluster.add("first")
    cluster.add("second")
    owner_of(cluster, submissions).look()
    assert cluster.cancelled == ["second"]
    assert submissions.asked == []


def test_a_failing_job_is_reported_with_its_root_exception(cluster: PlayedCluster, submissions: Submissions) -> None:
    cluster.add("first", state="RESTARTING", running=0)
    owner = owner_of(cluster, submissions)
    owner.look()
    problem = owner.problems()["job"]
    assert problem.startswith("failing: java.lang.RuntimeException")
    assert problem.endswith("streaming.errors.ConfigurationError: there is no such model")


def test_asking_for_the_job_wakes_the_owner_and_tells_the_state(cluster: PlayedCluster, submissions: Submissions) -> None:
    owner, wake = owner_of(cluster, submissions), threading.Event()
    http = TestClient(job_app(owner, wake))
    assert http.get("/readyz").status_code == 503
    assert http.post("/job").json()["state"] == "unknown"
    assert wake.is_set()
    owner.look()
    owner.look()
    assert http.get("/job").json() == {"state": "running", "job_id": "job-1", "failure": None, "restored_from": None}
    assert http.get("/readyz").status_code == 200


def test_the_command_names_cluster_and_checkpoint() -> None:
    words = command("http://127.0.0.1:8081", Path("/checkpoints/abc/chk-7"))
    assert words[1:-1] == ["run", "-d", "-m", "127.0.0.1:8081", "-s", "file:///checkpoints/abc/chk-7", "-py"]
    assert words[-1].endswith("flink/score_job.py")
