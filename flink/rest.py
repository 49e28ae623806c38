"""The score job as its owner sees it in Flink's REST API."""

from collections.abc import Mapping
from typing import Any

import httpx

from flink.causes import is_outage, root_cause
from flink.job_control import Job
from streaming.flink_rest import FlinkRest

TIMEOUT_S = 5.0


class Cluster:
    """A Flink cluster by its REST address. Every call raises Unreachable when there is no usable answer within 5 s."""

    def __init__(self, url: str, transport: httpx.BaseTransport | None = None) -> None:
        self._rest = FlinkRest(url, httpx.Client(timeout=TIMEOUT_S, transport=transport, trust_env=False))

    def jobs(self, name: str) -> list[Job]:
        """The jobs of this name, dead ones included, with the newest root exception of those that do not run."""
        return [self._job(entry) for entry in self._rest.jobs(name)]

    def cancel(self, job_id: str) -> None:
        """Ask for the job to be cancelled; one that is gone already is no error."""
        self._rest.cancel(job_id)

    def _job(self, entry: Mapping[str, Any]) -> Job:
        tasks = entry["tasks"]
        settled = entry["state"] == "RUNNING" and 0 < tasks["running"] == tasks["total"]
        trace = None if settled else self._newest_exception(entry["jid"])
        failure = None if trace is None else root_cause(trace)
        outage = trace is not None and is_outage(trace)
        return Job(entry["jid"], entry["state"], entry["start-time"], settled, failure, outage)

    def _newest_exception(self, job_id: str) -> str | None:
        entries = self._rest.get(f"/jobs/{job_id}/exceptions", {"maxExceptions": "1"})["exceptionHistory"]["entries"]
        return entries[0]["stacktrace"] if entries else None
