"""What Flink says of the score job and of its own processes, over its REST API."""

from collections.abc import Mapping
from typing import Any

import httpx

from streaming.errors import Unreachable
from streaming.topics import FLINK_SCORE_JOB

TIMEOUT_S = 5.0
OF_THE_JOB = ("numRestarts", "lastCheckpointDuration", "uptime")
# The job's own metrics, whatever its operators are called, and how subtasks add up.
OF_ITS_OPERATORS = {"answerloop.event_time_lag_ms": "max", "answerloop.records": "sum", "answerloop.scored_pairs": "sum"}
# Of a JVM: the workers of its Python functions are processes of their own, and Flink does not measure them.
CPU_NS = "Status.JVM.CPU.Time"
MEMORY = ("Status.JVM.Memory.Heap.Used", "Status.JVM.Memory.NonHeap.Used", "Status.JVM.Memory.Direct.MemoryUsed")
JOBMANAGER, TASKMANAGER = "flink_jobmanager (JVM)", "flink_taskmanager (JVM)"


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


def measured(before: Mapping[str, float], now: Mapping[str, float]) -> dict[str, float]:
    """What of `now` is a new measurement: the job shows its event-time lag on and on, from when it last had a record to score.

    `before`: the sample before, empty if there is none; a job that shows no `records` has had none yet. A lag of 0 is none: the job
    shows it before its first record.
    """
    scored = bool(before) and before.get("records", 0.0) != now.get("records")
    return {name: value for name, value in now.items() if name != "event_time_lag_ms" or (scored and value > 0)}


def processes(http: httpx.Client) -> dict[str, dict[str, float]]:
    """`cpu_seconds` and `memory_bytes` of the JobManager and of each TaskManager that says them. Raises Unreachable."""
    managers = [each["id"] for each in _get(http, "/taskmanagers")["taskmanagers"]]
    names = {each: TASKMANAGER if len(managers) == 1 else f"{TASKMANAGER}@{each}" for each in managers}
    places = {JOBMANAGER: "/jobmanager"} | {name: f"/taskmanagers/{each}" for each, name in names.items()}
    used = {}
    for name, place in places.items():
        found = {each["id"]: float(each["value"]) for each in _get(http, f"{place}/metrics", {"get": ",".join((CPU_NS, *MEMORY))})}
        if {CPU_NS, *MEMORY} <= found.keys():
            used[name] = {"cpu_seconds": found[CPU_NS] / 1e9, "memory_bytes": sum(found[each] for each in MEMORY)}
    return used


def _get(http: httpx.Client, path: str, params: dict[str, str] | None = None) -> Any:
    try:
        response = http.get(path, params=params)
        response.raise_for_status()
        return response.json()
    except (httpx.HTTPError, ValueError) as err:
        raise Unreachable(f"Flink at {http.base_url} does not answer {path}: {err!r}") from err
