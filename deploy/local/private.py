"""Files that only their owner reads, and the secrets in them."""

import base64
import json
import os
import secrets
from dataclasses import asdict, dataclass, field
from pathlib import Path
from uuid import uuid4


def _password() -> str:
    return secrets.token_urlsafe(24)


@dataclass(frozen=True)
class Credentials:
    """Generated once for a state directory. `kafka_cluster` is Kafka's cluster id, no secret."""

    postgres_superuser: str = field(default_factory=_password)
    postgres_answerloop: str = field(default_factory=_password)
    postgres_app: str = field(default_factory=_password)
    postgres_reports: str = field(default_factory=_password)
    postgres_airflow: str = field(default_factory=_password)
    redis: str = field(default_factory=_password)
    kafka_cluster: str = field(default_factory=lambda: str(uuid4()))
    airflow_password: str = field(default_factory=_password)
    airflow_jwt_secret: str = field(default_factory=_password)
    airflow_secret_key: str = field(default_factory=_password)
    airflow_fernet_key: str = field(default_factory=lambda: base64.urlsafe_b64encode(secrets.token_bytes(32)).decode())


def write(path: Path, text: str) -> None:
    """Replace `path` in one step; mode 0600 from the first byte."""
    fresh = path.with_name(f"{path.name}.{os.getpid()}")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as out:
        os.fchmod(out.fileno(), 0o600)
        out.write(text)
    fresh.replace(path)


def credentials(path: Path) -> Credentials:
    """The credentials kept in `path`; those that are missing there are made."""
    kept = json.loads(path.read_text()) if path.exists() else {}
    complete = Credentials(**kept)
    if asdict(complete) != kept:
        write(path, json.dumps(asdict(complete), indent=1) + "\n")
    return complete
