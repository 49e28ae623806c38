"""What Flink says of the score job and of its own processes, over its REST API."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from streaming.flink_rest import FlinkRest
from streaming.topics import FLINK_SCORE_JOB

TIMEOUT_S = 5.0
OF_THE_JOB = ("numRestarts", "lastCheckpointDuration", "uptime")
# The job's own metrics: what its subtasks count, and how far behind each was with the record that it scored last.
COUNTS = ("records", "scored_pairs")
LAGS = ("event_time_lag_ms", "watermark_lag_ms")
_OF_A_SUBTASK = re.compile(rf"(?P<subtask>\d+)\.(?:.+\.)?answerloop\.(?P<metric>{'|'.join(COUNTS + LAGS)})")
# Flink refuses a request whose first line is longer than 4,096 bytes.
NAMES_AT_ONCE = 20
# Of a JVM: the workers of its Python functions are processes of their own, and Flink does not measure them.
CPU_NS = "Status.JVM.CPU.Time"
MEMORY = ("Status.JVM.Memory.Heap.Used", "Status.JVM.Memory.NonHeap.Used", "Status.JVM.Memory.Direct.MemoryUsed")
JOBMANAGER, TASKMANAGER = "flink_jobmanager (JVM)", "flink_taskmanager (JVM)"


@dataclass(frozen=True)
class JobSample:
    """The score job's metrics by name: of the whole job, and its own by vertex and subtask. Both are empty while no job runs."""

    job: Mapping[str, float] = field(default_factory=dict)
    subtasks: Mapping[tuple[str, str], Mapping[str, float]] = field(default_factory=dict)


def take(flink: FlinkRest) -> JobSample:
    """The score job as it is now. Raises Unreachable."""
    job = flink.running(FLINK_SCORE_JOB)
    if job is None:
        return JobSample()
    path = f"/jobs/{job}"
    of_the_job = {each["id"]: float(each["value"]) for each in flink.get(f"{path}/metrics?get={','.join(OF_THE_JOB)}")}
    subtasks: dict[tuple[str, str], dict[str, float]] = {}
    for vertex in (each["id"] for each in flink.get(path)["vertices"]):
        for subtask, metric, value in _of_subtasks(flink, f"{path}/vertices/{vertex}/metrics"):
            subtasks.setdefault((vertex, subtask), {})[metric] = value
    return JobSample(of_the_job, subtasks)


def _of_subtasks(flink: FlinkRest, path: str) -> Iterator[tuple[str, str, float]]:
    """Subtask, metric and value of the job's own metrics, whatever its operators are called."""
    names = [each["id"] for each in flink.get(path) if _OF_A_SUBTASK.fullmatch(each["id"])]
    for start in range(0, len(names), NAMES_AT_ONCE):
        for each in flink.get(path, {"get": ",".join(names[start : start + NAMES_AT_ONCE])}):
            if named := _OF_A_SUBTASK.fullmatch(each["id"]):
                yield named["subtask"], named["metric"], float(each["value"])


def measured(before: JobSample, now: JobSample) -> dict[str, float]:
    """What of `now` is a new measurement. Counts of the subtasks add up; of their lags the largest is the job's.

    A subtask shows its lag on and on, from when it last had a record to score: only the lags of those that scored since the sample before
    are new, and none is known to be while there is no sample before. A lag of 0 is none: a subtask shows it before its first record. One
    that shows no `records` has had none yet.
    """
    values = dict(now.job)
    for name in COUNTS:
        if counted := [shown[name] for shown in now.subtasks.values() if name in shown]:
            values[name] = sum(counted)
    for name in LAGS:
        if lags := [shown[name] for place, shown in now.subtasks.items() if shown.get(name, 0) > 0 and _has_scored(before, place, shown)]:
            values[name] = max(lags)
    return values


def _has_scored(before: JobSample, place: tuple[str, str], shown: Mapping[str, float]) -> bool:
    return bool(before.job) and before.subtasks.get(place, {}).get("records", 0.0) != shown.get("records", 0.0)


def processes(flink: FlinkRest) -> dict[str, dict[str, float]]:
    """`cpu_seconds` and `memory_bytes` of the JobManager and of each TaskManager that says them. Raises Unreachable."""
    managers = [each["id"] for each in flink.get("/taskmanagers")["taskmanagers"]]
    names = {each: TASKMANAGER if len(managers) == 1 else f"{TASKMANAGER}@{each}" for each in managers}
    places = {JOBMANAGER: "/jobmanager"} | {name: f"/taskmanagers/{each}" for each, name in names.items()}
    used = {}
    for name, place in places.items():
        found = {each["id"]: float(each["value"]) for each in flink.get(f"{place}/metrics", {"get": ",".join((CPU_NS, *MEMORY))})}
        if {CPU_NS, *MEMORY} <= found.keys():
            used[name] = {"cpu_seconds": found[CPU_NS] / 1e9, "memory_bytes": sum(found[each] for each in MEMORY)}
    return used
