"""Files that only their owner reads, and the secrets in them."""

import json
import os
import secrets
from dataclasses import asdict, dataclass
from pathlib import Path
from uuid import uuid4


@dataclass(frozen=True)
class Credentials:
    """Generated once for a state directory. `kafka_cluster` is Kafka's cluster id, no secret."""

    postgres_superuser: str
    postgres_answerloop: str
    redis: str
    kafka_cluster: str


def write(path: Path, text: str) -> None:
    """Replace `path` in one step; mode 0600 from the first byte."""
    fresh = path.with_name(f"{path.name}.{os.getpid()}")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as out:
        os.fchmod(out.fileno(), 0o600)
        out.write(text)
    fresh.replace(path)


def credentials(path: Path) -> Credentials:
    """The credentials kept in `path`; made if the file is not there."""
    if not path.exists():
        made = Credentials(secrets.token_urlsafe(24), secrets.token_urlsafe(24), secrets.token_urlsafe(24), str(uuid4()))
        write(path, json.dumps(asdict(made), indent=1) + "\n")
    return Credentials(**json.loads(path.read_text()))
