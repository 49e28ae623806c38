"""What the owner of the score job decides."""

import os
from pathlib import Path

import pytest

from flink.checkpoints import newest
from flink.job_control import Cancel, GiveUpRestore, Job, Restore, Submit, Wait, next_step

CHECKPOINT = Path("/checkpoints/abc/chk-7")
RUNNING = Job("a", "RUNNING", 100, settled=True)


def test_one_job_is_left_alone() -> None:
    assert next_step([RUNNING], CHECKPOINT, None, 0) == Wait(RUNNING)


@pytest.mark.parametrize("state", ["INITIALIZING", "CREATED", "RESTARTING", "FAILING", "CANCELLING", "RECONCILING"])
def test_a_job_that_may_still_come_back_is_waited_for(state: str) -> None:
    job = Job("a", state, 100, failure="the model cannot be loaded")
    assert next_step([job], CHECKPOINT, None, 0) == Wait(job)


@pytest.mark.parametrize("state", ["FAILED", "CANCELED", "FINISHED", "SUSPENDED"])
def test_a_dead_job_is_submitted_again_from_the_newest_checkpoint(state: str) -> None:
    assert next_step([Job("a", state, 100)], CHECKPOINT, None, 0) == Submit(CHECKPOINT)


def test_without_a_checkpoint_the_committed_offsets_do() -> None:
    assert next_step([], None, None, 0) == Submit(None)


def test_of_several_jobs_the_one_that_runs_stays_then_the_oldest() -> None:
    starting, younger = Job("b", "INITIALIZING", 50), Job("c", "RUNNING", 200, settled=True)
    step = next_step([starting, younger, RUNNING, Job("d", "FAILED", 1)], CHECKPOINT, None, 0)
    assert isinstance(step, Cancel)
    assert [job.id for job in step.jobs] == ["c", "b"]


def test_a_job_that_died_before_it_ran_was_not_restored() -> None:
    job = Job("a", "FAILED", 100, failure="state is corrupt")
    assert next_step([job], CHECKPOINT, Restore("a", 1.0), 0) == GiveUpRestore(job)


def test_a_job_that_fails_ever_since_its_submission_is_not_restored_either() -> None:
    job = Job("a", "RESTARTING", 100, failure="state is corrupt")
    assert next_step([job], CHECKPOINT, Restore("a", 10.0), 0) == Wait(job)
    assert next_step([job], CHECKPOINT, Restore("a", 61.0), 0) == GiveUpRestore(job)


def test_a_job_without_a_task_manager_is_waited_for_however_long() -> None:
    job = Job("a", "RUNNING", 100)
    assert next_step([job], CHECKPOINT, Restore("a", 10_000.0), 0) == Wait(job)


@pytest.mark.parametrize("state", ["RESTARTING", "FAILING"])
def test_an_outage_condemns_no_checkpoint_however_long(state: str) -> None:
    job = Job("a", state, 100, failure="TimeoutException: Timed out waiting for a node assignment", outage=True)
    assert next_step([job], CHECKPOINT, Restore("a", 10_000.0), 1) == Wait(job)


def test_a_job_that_died_of_an_outage_is_submitted_from_the_same_checkpoint() -> None:
    job = Job("a", "FAILED", 100, failure="TimeoutException: Timed out waiting for a node assignment", outage=True)
    assert next_step([job], CHECKPOINT, Restore("a", 10_000.0), 1) == Submit(CHECKPOINT)


def test_after_two_failed_restores_the_state_is_given_up() -> None:
    assert [next_step([], CHECKPOINT, None, failed) for failed in (0, 1, 2, 3)] == [
        Submit(CHECKPOINT),
        Submit(CHECKPOINT),
        Submit(None),
        Submit(None),
    ]


def complete(folder: Path, content: bytes = b"x") -> Path:
    folder.mkdir(parents=True)
    (folder / "_metadata").write_bytes(content)
    return folder


def test_the_newest_checkpoint_is_the_last_written_of_any_job(tmp_path: Path) -> None:
    for seconds, folder in enumerate(("job-b/chk-9", "job-b/chk-10", "job-a/chk-1")):
        os.utime(complete(tmp_path / folder) / "_metadata", (1000 + seconds, 1000 + seconds))
    (tmp_path / "job-a" / "chk-2").mkdir()
    complete(tmp_path / "job-a" / "chk-3", b"")
    assert newest(tmp_path) == tmp_path / "job-a" / "chk-1"


def test_of_two_written_at_once_the_higher_number_is_newer(tmp_path: Path) -> None:
    for folder in ("job/chk-9", "job/chk-10"):
        os.utime(complete(tmp_path / folder) / "_metadata", (1000, 1000))
    assert newest(tmp_path) == tmp_path / "job" / "chk-10"


def test_no_folder_holds_no_checkpoint(tmp_path: Path) -> None:
    assert newest(None) is None
    assert newest(tmp_path / "nowhere") is None
