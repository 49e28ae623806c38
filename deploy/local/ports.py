"""The ports of the stack: one file, shifted as a whole, so that several stacks live side by side."""

import tomllib
from dataclasses import dataclass, fields
from pathlib import Path

from streaming.errors import ConfigurationError
from streaming.services import Service

HOST = "127.0.0.1"
FILE = Path(__file__).with_name("ports.toml")


@dataclass(frozen=True)
class Ports:
    """Port numbers as they are listened on, the offset included."""

    api: int
    airflow: int
    flink: int
    kafka: int
    postgres: int
    redis: int
    simulator: int
    prometheus: int
    kafka_controller: int
    flink_rpc: int
    flink_blob: int
    flink_taskmanager_rpc: int
    flink_taskmanager_data: int
    flink_jobmanager_metrics: int
    flink_taskmanager_metrics: int
    ops_storage_persister: int
    ops_llm_consumer: int
    ops_retry_overload: int
    ops_retry_quota: int
    ops_job_submitter: int
    ops_sampler: int

    def of(self, service: Service) -> int:
        """Where a service of the loop listens."""
        port: int = getattr(self, service.port)
        return port

    def postgres_url(self, login: str, password: str, database: str = "answerloop") -> str:
        """A database, as who logs in."""
        return f"postgresql://{login}:{password}@{HOST}:{self.postgres}/{database}"


def parse_offset(value: str) -> int:
    """The number in ANSWERLOOP_PORT_OFFSET; empty means 0. Raises ConfigurationError."""
    if not value:
        return 0
    try:
        return int(value)
    except ValueError as err:
        raise ConfigurationError(f"ANSWERLOOP_PORT_OFFSET={value!r}: a whole number is expected, such as 10000") from err


def load(offset: int, file: Path = FILE) -> Ports:
    """The ports of `file`, each plus `offset`. Raises ConfigurationError for a missing, unknown, double or impossible port."""
    try:
        base = tomllib.loads(file.read_text())
    except tomllib.TOMLDecodeError as err:
        raise ConfigurationError(f"{file}: {err}") from err
    expected = {field.name for field in fields(Ports)}
    if missing := expected - base.keys():
        raise ConfigurationError(f"{file}: no port for {', '.join(sorted(missing))}")
    if unknown := base.keys() - expected:
        raise ConfigurationError(f"{file}: nothing listens on {', '.join(sorted(unknown))}; take the line out")
    taken: dict[int, str] = {}
    for name, port in base.items():
        if not isinstance(port, int) or not 1024 <= port + offset <= 65535:
            raise ConfigurationError(f"{file}: {name} = {port!r} with ANSWERLOOP_PORT_OFFSET={offset}: a port lies between 1024 and 65535")
        if port in taken:
            raise ConfigurationError(f"{file}: {name} and {taken[port]} both have port {port}")
        taken[port] = name
    return Ports(**{name: port + offset for name, port in base.items()})
