"""Flink's client as a process: what is made of how it ends."""

import stat
from pathlib import Path

import pytest

from flink import submission
from flink.submission import SubmissionFailed, submit
from streaming.errors import Unreachable
from tests.unit.flink_submitter.test_causes import NO_TASK_MANAGER

REFUSED = """Traceback (most recent call last):
  File "score_job.py", line 90, in <module>
pyflink.util.exceptions.TableException: Failed to execute sql
\tat org.apache.flink.Something(Something.java:1)
Caused by: java.io.IOException: Cannot read the checkpoint's metadata
\t... 15 more
2026-11-23 02:37:42,234 ERROR PythonDriver [] - Run python process failed
Caused by: java.lang.RuntimeException: Python process exits with code: 1
"""
JOB_ID = "0123456789abcdef0123456789abcdef"


@pytest.fixture
def client(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file to write a client into; it is what `submit` runs."""
    (tmp_path / "bin").mkdir()
    monkeypatch.setattr(submission, "_flink_home", lambda: tmp_path)
    return tmp_path / "bin" / "flink"


def write(client: Path, script: str) -> None:
    client.write_text(f"#!/bin/sh\n{script}\n")
    client.chmod(client.stat().st_mode | stat.S_IXUSR)


def test_the_id_is_what_the_client_says(client: Path) -> None:
    write(client, f"echo Job has been submitted with JobID {JOB_ID}")
    assert submit("http://127.0.0.1:8081", None) == JOB_ID


def test_a_refusal_gives_its_first_cause(client: Path, tmp_path: Path) -> None:
    (tmp_path / "said").write_text(REFUSED)
    write(client, f"cat {tmp_path}/said; exit 31")
    with pytest.raises(SubmissionFailed, match=r"ended with 31: Caused by: java\.io\.IOException: Cannot read the checkpoint's metadata"):
        submit("http://127.0.0.1:8081", None)


def test_a_client_that_never_ends_is_ended(client: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(submission, "DEADLINE_S", 0.2)
    write(client, "sleep 60")
    with pytest.raises(Unreachable, match="not done within"):
        submit("http://127.0.0.1:8081", None)


def test_a_refusal_for_what_is_away_is_no_refusal_of_the_checkpoint(client: Path, tmp_path: Path) -> None:
    (tmp_path / "said").write_text(f"The program finished with an exception:\n\n{NO_TASK_MANAGER}")
    write(client, f"cat {tmp_path}/said; exit 1")
    with pytest.raises(Unreachable, match="ended with 1: "):
        submit("http://127.0.0.1:8081", None)


def test_a_client_that_says_nothing_useful_is_no_success(client: Path) -> None:
    write(client, "true")
    with pytest.raises(SubmissionFailed, match="nothing was said"):
        submit("http://127.0.0.1:8081", None)
