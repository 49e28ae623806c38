"""The few calls of Flink's REST API that the owner of the score job makes."""

from collections.abc import Mapping
from typing import Any

import httpx

from flink.causes import is_outage, root_cause
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
        trace = None if settled else self._newest_exception(entry["jid"])
        failure = None if trace is None else root_cause(trace)
        outage = trace is not None and is_outage(trace)
        return Job(entry["jid"], entry["state"], entry["start-time"], settled, failure, outage)

    def _newest_exception(self, job_id: str) -> str | None:
        entries = self._get(f"/jobs/{job_id}/exceptions", params={"maxExceptions": "1"})["exceptionHistory"]["entries"]
        return entries[0]["stacktrace"] if entries else None

    def _get(self, path: str, params: Mapping[str, str] | None = None) -> Any:
        try:
            response = self._http.get(path, params=params)
            response.raise_for_status()
            return response.json()
        except (httpx.HTTPError, ValueError) as err:
            raise Unreachable(f"Flink at {self._url} does not answer {path}: {err!r}") from err
