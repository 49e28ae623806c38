"""The owner of the score job: one job of its name runs, always. DAGs ask it here (`POST /job`); they don't submit."""

import logging
import signal
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from fastapi import FastAPI

from flink import checkpoints
from flink.job_control import Cancel, GiveUpRestore, Job, Restore, Submit, Wait, next_step
from flink.rest import Cluster
from flink.submission import SubmissionFailed, submit
from streaming import metrics
from streaming.errors import Unreachable
from streaming.ops import ops_app, serve_ops
from streaming.services import JOB_SUBMITTER
from streaming.settings import Settings
from streaming.topics import FLINK_SCORE_JOB

log = logging.getLogger(__name__)

LOOK_EVERY_S = 1.0
LONGEST_PAUSE_S = 30.0


@dataclass(frozen=True)
class View:
    """What the owner knows of the job now; what `GET /job` answers."""

    state: str
    job_id: str | None = None
    failure: str | None = None
    restored_from: str | None = None

    @property
    def running(self) -> bool:
        return self.state == "running"


class Owner:
    """Looks at the cluster and takes the step that `job_control` names. One thread runs it; any may read `view`."""

    def __init__(
        self,
        cluster: Cluster,
        checkpoint_dir: Path | None,
        submit: Callable[[Path | None], str],
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """`submit` hands the job to the cluster, from a checkpoint or without, and returns its id; it raises SubmissionFailed, or
        Unreachable where that is for something that is away."""
        self._cluster = cluster
        self._checkpoint_dir = checkpoint_dir
        self._hand_over = submit
        self._monotonic = monotonic
        self._restore: tuple[str, float] | None = None
        self._restored_from: str | None = None
        self._failed_restores = 0
        self._failed_submissions = 0
        self.view = View("unknown")

    def look(self) -> float:
        """One look and one step; seconds until the next look."""
        try:
            jobs = self._cluster.jobs(FLINK_SCORE_JOB)
        except Unreachable as err:
            self._show(View("unreachable", failure=str(err)))
            return LOOK_EVERY_S
        self._note_settled(jobs)
        self._note_outage(jobs)
        step = next_step(jobs, checkpoints.newest(self._checkpoint_dir), self._restoring(), self._failed_restores)
        match step:
            case Wait(job):
                state = "running" if job.settled else ("failing" if job.failure else "starting")
                self._show(View(state, job.id, job.failure, self._restored_from))
            case Cancel(surplus, why):
                for job in surplus:
                    log.warning("cancelling job %s: %s", job.id, why)
                    self._cancel(job)
            case GiveUpRestore(job):
                self._restore_failed(self._restored_from, job.failure or f"job {job.id} is {job.state}")
                if not job.over:
                    self._cancel(job)
            case Submit():
                return self._submit(step)
        return LOOK_EVERY_S

    def _restoring(self) -> Restore | None:
        if self._restore is None:
            return None
        job_id, since = self._restore
        return Restore(job_id, self._monotonic() - since)

    def _note_settled(self, jobs: list[Job]) -> None:
        """A job that runs ends the count of failed restores: its own checkpoints are the newest from now on."""
        running = next((job for job in jobs if job.settled), None)
        if running is None:
            return
        if self._restore is not None and running.id == self._restore[0]:
            log.info("job %s runs, restored from %s", running.id, self._restored_from)
        self._restore, self._failed_restores = None, 0

    def _note_outage(self, jobs: list[Job]) -> None:
        """The time that a restore has begins when nothing is away."""
        if self._restore is not None and any(job.outage and job.id == self._restore[0] for job in jobs):
            self._restore = (self._restore[0], self._monotonic())

    def _cancel(self, job: Job) -> None:
        try:
            self._cluster.cancel(job.id)
        except Unreachable as err:
            log.warning("%s; trying again", err)

    def _submit(self, step: Submit) -> float:
        if step.checkpoint is not None:
            log.info("submitting the score job from %s", step.checkpoint)
        elif self._failed_restores:
            log.error(
                "restoring failed %d times: submitting the score job WITHOUT STATE, from the committed offsets; "
                "best attempts come from the messages",
                self._failed_restores,
            )
        else:
            log.info("submitting the score job from the committed offsets; there is no checkpoint")
        origin = str(step.checkpoint) if step.checkpoint is not None else None
        self._show(View("submitting", restored_from=origin))
        try:
            job_id = self._hand_over(step.checkpoint)
        except (SubmissionFailed, Unreachable) as err:
            return self._submission_failed(step, err)
        log.info("submitted as %s", job_id)
        metrics.JOB_SUBMISSIONS.labels("checkpoint" if step.checkpoint is not None else "offsets").inc()
        self._failed_submissions = 0
        self._restored_from = origin
        self._restore = (job_id, self._monotonic()) if step.checkpoint is not None else None
        self._show(View("starting", job_id, restored_from=origin))
        return LOOK_EVERY_S

    def _submission_failed(self, step: Submit, reason: SubmissionFailed | Unreachable) -> float:
        """The checkpoint is at fault only if nothing was away and the cluster answers."""
        self._failed_submissions += 1
        pause_s = min(LOOK_EVERY_S * 2.0**self._failed_submissions, LONGEST_PAUSE_S)
        log.error("the score job was not submitted, next try in %.0f s: %s", pause_s, reason)
        self._show(View("not submitted", failure=str(reason)))
        if isinstance(reason, Unreachable):
            return pause_s
        try:
            self._cluster.jobs(FLINK_SCORE_JOB)
        except Unreachable as err:
            log.warning("%s", err)
            return pause_s
        if step.checkpoint is not None:
            self._restore_failed(str(step.checkpoint), str(reason))
        return pause_s

    def _restore_failed(self, checkpoint: str | None, reason: str) -> None:
        self._restore = None
        self._failed_restores += 1
        log.error("restoring from %s failed (%d in a row): %s", checkpoint, self._failed_restores, reason)

    def _show(self, view: View) -> None:
        if (view.state, view.job_id, view.failure) != (self.view.state, self.view.job_id, self.view.failure):
            log.info("score job: %s %s %s", view.state, view.job_id or "", view.failure or "")
        self.view = view
        metrics.JOB_RUNNING.set(view.running)

    def problems(self) -> dict[str, str]:
        """Why the job does not run now, for /readyz."""
        view = self.view
        if view.running:
            return {}
        component = "flink" if view.state == "unreachable" else "job"
        return {component: f"{view.state}: {view.failure}" if view.failure else view.state}


def job_app(owner: Owner, wake: threading.Event) -> FastAPI:
    """The ops endpoints, and the job's state for those who need it to run."""
    app = ops_app(JOB_SUBMITTER, owner.problems)

    @app.get("/job")
    def job() -> View:
        return owner.view

    @app.post("/job")
    def ask_for_job() -> View:
        """Idempotent: the owner looks at once rather than within a second."""
        wake.set()
        return owner.view

    return app


def run(settings: Settings) -> None:
    """Own the job until SIGTERM or SIGINT; the job goes on without its owner."""
    for number in (signal.SIGTERM, signal.SIGINT):
        # Raised in this thread wherever it is: a submission under way ends its client on the way out.
        signal.signal(number, lambda *_: sys.exit(0))
    wake = threading.Event()
    owner = Owner(Cluster(settings.flink_url), settings.checkpoint_dir, partial(submit, settings.flink_url))
    serve_ops(job_app(owner, wake), settings.host, settings.ops_port)
    log.info("%s starts, Flink at %s", JOB_SUBMITTER, settings.flink_url)
    while True:
        wake.wait(owner.look())
        wake.clear()
