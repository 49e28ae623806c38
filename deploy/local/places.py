"""Where the stack keeps what: everything below one state directory, except PostgreSQL's data when root runs the stack."""

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from streaming.errors import ConfigurationError

ROOT = Path(__file__).resolve().parents[2]
POSTGRES_USER = "postgres"
# Must be reachable for the user postgres wherever the checkout lies, so it cannot be below the state directory.
_POSTGRES_DATA_OF_ROOT = Path("/var/lib/answerloop")
# A Unix socket's path holds 103 (macOS) to 107 bytes; supervisord binds the name with its pid appended first.
_LONGEST_SOCKET = 95
_CLAIM = "answerloop-state"


@dataclass(frozen=True)
class Places:
    """Absolute paths of one stack. `postgres_user` is None where PostgreSQL runs as whoever starts the stack."""

    root: Path
    state: Path
    postgres: Path
    postgres_user: str | None

    @property
    def logs(self) -> Path:
        return self.state / "logs"

    @property
    def run(self) -> Path:
        return self.state / "run"

    @property
    def socket(self) -> Path:
        return self.state / "supervisor.sock"

    @property
    def env_file(self) -> Path:
        return self.state / "env"

    @property
    def credentials(self) -> Path:
        return self.state / "credentials.json"

    @property
    def kafka(self) -> Path:
        return self.state / "kafka"

    @property
    def flink(self) -> Path:
        return self.state / "flink"

    @property
    def checkpoints(self) -> Path:
        return self.state / "flink" / "checkpoints"

    @property
    def airflow(self) -> Path:
        return self.state / "airflow"

    @property
    def prometheus(self) -> Path:
        return self.state / "prometheus"

    @property
    def redis(self) -> Path:
        return self.state / "redis"

    @property
    def postgres_data(self) -> Path:
        return self.postgres / "data"

    @property
    def python(self) -> Path:
        return self.root / ".venv" / "bin" / "python"

    @property
    def kafka_jars(self) -> Path:
        return self.root / ".tools" / "kafka"

    @property
    def connector_jars(self) -> Path:
        return self.root / ".tools" / "flink"

    @property
    def guard_jar(self) -> Path:
        return self.root / ".tools" / "guard" / "flink-guard.jar"

    @property
    def web_assets(self) -> Path:
        return self.root / ".tools" / "web"

    @property
    def claimed(self) -> bool:
        """Whether a stack's state lies in the state directory, and not somebody's files."""
        return (self.state / _CLAIM).exists()

    def claim(self) -> None:
        """Make the state directory ours. Raises ConfigurationError if other files lie in it."""
        if self.claimed:
            return
        if self.state.exists() and any(self.state.iterdir()):
            raise ConfigurationError(f"{self.state} holds other files; point ANSWERLOOP_STATE_DIR at a directory for the stack alone")
        self.state.mkdir(mode=0o700, parents=True, exist_ok=True)
        (self.state / _CLAIM).write_text("The state of a local Answerloop stack; `make clean` removes it.\n")


def places(user: Mapping[str, str], root: Path = ROOT, as_root: bool | None = None) -> Places:
    """The places of the stack that the user's settings name.

    Raises ConfigurationError for a path that Flink's scripts or a Unix socket cannot take.
    """
    state = (root / (user.get("ANSWERLOOP_STATE_DIR") or ".local")).resolve()
    if any(character.isspace() or character in "%,;\"'" for character in f"{root}{state}"):
        raise ConfigurationError(
            f"{state}: supervisord and Flink take no spaces, quotes, commas or % in a path; move the checkout or set ANSWERLOOP_STATE_DIR"
        )
    if os.geteuid() == 0 if as_root is None else as_root:
        of_this_stack = hashlib.sha256(str(state).encode()).hexdigest()[:12]
        chosen = Places(root, state, _POSTGRES_DATA_OF_ROOT / of_this_stack, POSTGRES_USER)
    else:
        chosen = Places(root, state, state / "postgres", None)
    if len(str(chosen.socket)) > _LONGEST_SOCKET:
        raise ConfigurationError(f"{chosen.socket}: too long for a Unix socket; set ANSWERLOOP_STATE_DIR to a shorter path")
    return chosen
