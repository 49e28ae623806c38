"""What the owner of the score job does next. Pure: what is seen on the cluster and on disk goes in, one step comes out."""

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

# Flink's states of a job that will not come back by itself. SUSPENDED too: a standalone cluster has nobody who resumes it.
OVER = frozenset({"FAILED", "CANCELED", "FINISHED", "SUSPENDED"})

MAX_FAILED_RESTORES = 2
RESTORE_DEADLINE_S = 60.0


@dataclass(frozen=True)
class Job:
    """A job of our name as the cluster shows it. `settled`: every task runs; `failure`: the newest root exception; `outage`: it says
    that something was away, not that something is wrong."""

    id: str
    state: str
    started_ms: int
    settled: bool = False
    failure: str | None = None
    outage: bool = False

    @property
    def over(self) -> bool:
        return self.state in OVER


@dataclass(frozen=True)
class Restore:
    """A job that was submitted from a checkpoint and has not run yet; since its submission, or the last outage."""

    job_id: str
    age_s: float


@dataclass(frozen=True)
class Submit:
    """Submit the job from this checkpoint; None: from the group's committed offsets, without state."""

    checkpoint: Path | None


@dataclass(frozen=True)
class Cancel:
    """Cancel these jobs."""

    jobs: tuple[Job, ...]
    why: str


@dataclass(frozen=True)
class GiveUpRestore:
    """The job cannot be restored from its checkpoint: count it; cancel it where it still tries."""

    job: Job


@dataclass(frozen=True)
class Wait:
    """There is one job, as there should be."""

    job: Job


Step = Submit | Cancel | GiveUpRestore | Wait


def next_step(jobs: Collection[Job], checkpoint: Path | None, restore: Restore | None, failed_restores: int) -> Step:
    """`jobs`: all of our name, dead ones too; `checkpoint`: the newest complete one; `restore`: what was submitted last, if it has
    not run yet; `failed_restores`: in a row."""
    restoring = next((job for job in jobs if restore is not None and job.id == restore.job_id), None)
    if restoring is not None and restore is not None and _cannot_restore(restoring, restore):
        return GiveUpRestore(restoring)
    live = sorted((job for job in jobs if not job.over), key=lambda job: (not job.settled, job.started_ms, job.id))
    if len(live) > 1:
        return Cancel(tuple(live[1:]), f"only one job may run, and {live[0].id} does")
    if live:
        return Wait(live[0])
    return Submit(checkpoint if failed_restores < MAX_FAILED_RESTORES else None)


def _cannot_restore(job: Job, restore: Restore) -> bool:
    """Dead before it ran, or failing ever since. An outage is not its fault, and no checkpoint's, however long it lasts."""
    if job.settled or job.outage or job.state in ("CANCELED", "FINISHED"):
        return False
    return job.state == "FAILED" or (job.failure is not None and restore.age_s > RESTORE_DEADLINE_S)
