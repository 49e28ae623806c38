"""Handing the score job to the cluster: Flink's own client, run as a process."""

import os
import re
import signal
import subprocess
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import urlsplit

from flink.causes import is_outage
from streaming.errors import AnswerloopError, ConfigurationError, Unreachable

JOB_FILE = Path(__file__).with_name("score_job.py")
DEADLINE_S = 180.0
_SUBMITTED = re.compile(r"Job has been submitted with JobID ([0-9a-f]{32})")


class SubmissionFailed(AnswerloopError):
    """Flink's client did not submit the job. The text is the end of what it said."""


def submit(flink_url: str, checkpoint: Path | None) -> str:
    """Submit the job and return its id: 9 to 17 s, most of it Flink's client.

    Raises SubmissionFailed; Unreachable where something is away, or after 180 s.
    """
    client = subprocess.Popen(
        command(flink_url, checkpoint),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        # With a group of its own, the client and the Python it starts can be ended together.
        start_new_session=True,
    )
    try:
        said, _ = client.communicate(timeout=DEADLINE_S)
    except subprocess.TimeoutExpired as err:
        raise Unreachable(f"Flink's client was not done within {DEADLINE_S:.0f} s") from err
    finally:
        if client.poll() is None:
            os.killpg(client.pid, signal.SIGKILL)
            client.wait()
    submitted = _SUBMITTED.search(said)
    if client.returncode != 0 or submitted is None:
        failed = Unreachable if is_outage(said) else SubmissionFailed
        raise failed(f"Flink's client ended with {client.returncode}: {_last_words(said)}")
    return submitted.group(1)


def command(flink_url: str, checkpoint: Path | None) -> list[str]:
    """The command line; cluster settings come from FLINK_CONF_DIR, the job's from ANSWERLOOP_* variables."""
    restore = ["-s", checkpoint.resolve().as_uri()] if checkpoint is not None else []
    address = urlsplit(flink_url).netloc
    return [str(_flink_home() / "bin" / "flink"), "run", "-d", "-m", address, *restore, "-py", str(JOB_FILE)]


def _flink_home() -> Path:
    # Found without importing pyflink, which takes a second and 100 MB.
    spec = find_spec("pyflink")
    if spec is None or spec.origin is None:
        raise ConfigurationError("apache-flink is not installed in this environment; install requirements.txt")
    return Path(spec.origin).parent


def _last_words(said: str) -> str:
    """The reason, from a client that first prints the job program's own error and then that the program has ended."""
    own = re.split(r"^.*PythonDriver", said, maxsplit=1, flags=re.MULTILINE)[0] or said
    lines = [line.strip() for line in own.splitlines() if line.strip() and not line.lstrip().startswith(("at ", "..."))]
    causes = [line for line in lines if line.startswith("Caused by: ")]
    return (causes or lines or ["nothing was said"])[-1][:1000]
