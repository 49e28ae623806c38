"""What Flink says of the score job, over its REST API."""

from typing import Any

import httpx

from streaming.errors import Unreachable
from streaming.topics import FLINK_SCORE_JOB

TIMEOUT_S = 5.0
OF_THE_JOB = ("numRestarts", "lastCheckpointDuration", "uptime")
# The job's own metrics, whatever its operators are called, and how subtasks add up.
OF_ITS_OPERATORS = {"answerloop.event_time_lag_ms": "max", "answerloop.records": "sum", "answerloop.scored_pairs": "sum"}


def take(http: httpx.Client) -> dict[str, float]:
    """The job's metrics by name; none while no job runs. Raises Unreachable."""
    jobs = [job["jid"] for job in _get(http, "/jobs/overview")["jobs"] if job["name"] == FLINK_SCORE_JOB and job["state"] == "RUNNING"]
    if not jobs:
        return {}
    path = f"/jobs/{jobs[0]}"
    found = {each["id"]: float(each["value"]) for each in _get(http, f"{path}/metrics?get={','.join(OF_THE_JOB)}")}
    for vertex in _get(http, path)["vertices"]:
        metrics = f"{path}/vertices/{vertex['id']}/subtasks/metrics"
        for metric in (each["id"] for each in _get(http, metrics)):
            for name, how in OF_ITS_OPERATORS.items():
                if metric.endswith(f".{name}"):
                    values = _get(http, metrics, {"get": metric, "agg": how})
                    found |= {name.removeprefix("answerloop."): float(each[how]) for each in values}
    return found


def _get(http: httpx.Client, path: str, params: dict[str, str] | None = None) -> Any:
    try:
        response = http.get(path, params=params)
        response.raise_for_status()
        return response.json()
    except (httpx.HTTPError, ValueError) as err:
        raise Unreachable(f"Flink at {http.base_url} does not answer {path}: {err!r}") from err
