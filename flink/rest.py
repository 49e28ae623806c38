"""The few calls of Flink's REST API that the owner of the score job makes."""

from collections.abc import Mapping
from typing import Any

import httpx

from flink.job_control import Job
from streaming.errors import Unreachable

TIMEOUT_S = 5.0


class Cluster:
    """A Flink cluster by its REST address. Every call raises Unreachable when there is no usable answer within 5 s."""

    def __init__(self, url: str, transport: httpx.BaseTransport | None = None) -> None:
        self._url = url
        self._http = httpx.Client(base_url=url, timeout=TIMEOUT_S, transport=transport, trust_env=False)

    def jobs(self, name: str) -> list[Job]:
        """The jobs of this name, dead ones included, with the newest root exception of those that do not run."""
        return [self._job(entry) for entry in self._get("/jobs/overview")["jobs"] if entry["name"] == name]

    def cancel(self, job_id: str) -> None:
        """Ask for the job to be cancelled; one that is gone already is no error."""
        try:
            response = self._http.patch(f"/jobs/{job_id}", params={"mode": "cancel"})
        except httpx.HTTPError as err:
            raise Unreachable(f"Flink at {self._url} does not answer: {err!r}") from err
        if response.status_code not in (202, 404, 409):
            raise Unreachable(f"Flink at {self._url} answers {response.status_code} to cancelling {job_id}: {response.text[:300]}")

    def _job(self, entry: Mapping[str, Any]) -> Job:
        tasks = entry["tasks"]
        settled = entry["state"] == "RUNNING" and 0 < tasks["running"] == tasks["total"]
        failure = None if settled else self._root_exception(entry["jid"])
        return Job(entry["jid"], entry["state"], entry["start-time"], settled, failure)

    def _root_exception(self, job_id: str) -> str | None:
        entries = self._get(f"/jobs/{job_id}/exceptions", params={"maxExceptions": "1"})["exceptionHistory"]["entries"]
        return _root_cause(entries[0]["stacktrace"]) if entries else None

    def _get(self, path: str, params: Mapping[str, str] | None = None) -> Any:
        try:
            response = self._http.get(path, params=params)
            response.raise_for_status()
            return response.json()
        except (httpx.HTTPError, ValueError) as err:
            raise Unreachable(f"Flink at {self._url} does not answer {path}: {err!r}") from err


def _root_cause(stacktrace: str) -> str:
    """The line of a Java stack trace that says what went wrong first; of a Python traceback within it, its last line."""
    lines = [line.strip() for line in stacktrace.splitlines() if line.strip()]
    causes = [number for number, line in enumerate(lines) if line.startswith("Caused by: ")]
    start = causes[-1] if causes else 0
    message = [line for line in lines[start:] if not line.startswith(("at ", "... "))]
    root = message[0].removeprefix("Caused by: ")
    if any("Traceback (most recent call last)" in line for line in message):
        root = f"{root} {message[-1]}"
    return root[:1000]
