"""Flink's REST API: the calls that everybody makes, and which of the cluster's jobs is meant."""

from collections.abc import Mapping
from typing import Any

import httpx

from streaming.errors import Unreachable

JOBS = "/jobs/overview"


class FlinkRest:
    """A Flink cluster by its REST address. Every call raises Unreachable where no usable answer comes within the client's timeout."""

    def __init__(self, url: str, http: httpx.Client) -> None:
        self._url = url.rstrip("/")
        self._http = http

    def get(self, path: str, params: Mapping[str, str] | None = None) -> Any:
        """What Flink says at this path."""
        try:
            response = self._http.get(f"{self._url}{path}", params=params)
            response.raise_for_status()
            return response.json()
        except (httpx.HTTPError, ValueError) as err:
            raise Unreachable(f"Flink at {self._url} does not answer {path}: {err!r}") from err

    def jobs(self, name: str) -> list[Mapping[str, Any]]:
        """The jobs of this name, dead ones included."""
        overview = self.get(JOBS)
        try:
            return jobs_named(name, overview)
        except (LookupError, TypeError) as err:
            raise Unreachable(f"Flink at {self._url} does not answer {JOBS} with jobs: {str(overview)[:300]}") from err

    def running(self, name: str) -> str | None:
        """The id of the job of this name that runs, None while none does."""
        return next((job["jid"] for job in self.jobs(name) if job["state"] == "RUNNING"), None)

    def cancel(self, job_id: str) -> None:
        """Ask for the job to be cancelled; one that is gone already is no error."""
        try:
            response = self._http.patch(f"{self._url}/jobs/{job_id}", params={"mode": "cancel"})
        except httpx.HTTPError as err:
            raise Unreachable(f"Flink at {self._url} does not answer: {err!r}") from err
        if response.status_code not in (202, 404, 409):
            raise Unreachable(f"Flink at {self._url} answers {response.status_code} to cancelling {job_id}: {response.text[:300]}")


def jobs_named(name: str | None, overview: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Of all the jobs that Flink tells of at `JOBS`, those of this name; None: all."""
    return [job for job in overview["jobs"] if name in (None, job["name"])]
