"""The environment of the services: the user's settings, and the addresses of this stack over them."""

import shlex
from collections.abc import Mapping
from pathlib import Path

from deploy.local import airflow
from deploy.local.places import Places
from deploy.local.ports import HOST, Ports
from deploy.local.private import Credentials
from streaming.services import SERVICES

PREFIX = "ANSWERLOOP_"
# Every process of a stack carries its state directory in this variable, so that none can be overlooked when it stops.
MARK = "ANSWERLOOP_STACK"
# Where Prometheus is, in a stack that has one.
PROMETHEUS_URL = "ANSWERLOOP_PROMETHEUS_URL"
# PostgreSQL as others than the services. A person's shell has them, and no process that does not need them.
OWNER_URL = "ANSWERLOOP_MIGRATION_DATABASE_URL"
REPORTS_URL = "ANSWERLOOP_REPORTS_DATABASE_URL"
# Read from the user's environment by the stack itself.
OF_THE_STACK = {
    "ANSWERLOOP_STATE_DIR",
    "ANSWERLOOP_PORT_OFFSET",
    "ANSWERLOOP_SIMULATOR_URL",
    PROMETHEUS_URL,
    "ANSWERLOOP_AIRFLOW_URL",
    "ANSWERLOOP_AIRFLOW_USER",
    "ANSWERLOOP_AIRFLOW_PASSWORD",
    MARK,
}


def user_settings(environ: Mapping[str, str]) -> dict[str, str]:
    """The ANSWERLOOP_* variables that are set.

    The addresses of a stack's own simulator and Prometheus, taken over from its env file, are no choice of the user's.
    """
    found = {name: value for name, value in environ.items() if name.startswith(PREFIX) and value and name != MARK}
    found.pop(PROMETHEUS_URL, None)
    simulator = found.pop("ANSWERLOOP_SIMULATOR_URL", None)
    if simulator and found.get("ANSWERLOOP_OLLAMA_URL") == simulator:
        del found["ANSWERLOOP_OLLAMA_URL"]
    if "ANSWERLOOP_MODEL_URL" in found:
        found["ANSWERLOOP_OLLAMA_URL"] = found["ANSWERLOOP_MODEL_URL"]
    return found


def read_exports(file: Path) -> dict[str, str]:
    """What `as_exports` wrote; nothing if it is not there."""
    if not file.exists():
        return {}
    return dict(word.split("=", 1) for word in shlex.split(file.read_text(), comments=True) if "=" in word)


def simulated(user: Mapping[str, str]) -> bool:
    """Whether this stack starts the simulator: the user named no model server."""
    return "ANSWERLOOP_OLLAMA_URL" not in user


def stack_environment(user: Mapping[str, str], places: Places, ports: Ports, credentials: Credentials, offset: int) -> dict[str, str]:
    """ANSWERLOOP_* of the services and of whoever reads the env file."""
    simulator = f"http://{HOST}:{ports.simulator}"
    model = {"ANSWERLOOP_OLLAMA_URL": simulator, "ANSWERLOOP_SIMULATOR_URL": simulator} if simulated(user) else {}
    connector = next(iter(sorted(places.connector_jars.glob("flink-sql-connector-kafka-*.jar"))), None)
    return {
        **user,
        **model,
        "ANSWERLOOP_STATE_DIR": str(places.state),
        "ANSWERLOOP_PORT_OFFSET": str(offset),
        "ANSWERLOOP_API_URL": f"http://{HOST}:{ports.api}",
        "ANSWERLOOP_API_PORT": str(ports.api),
        "ANSWERLOOP_DATABASE_URL": ports.postgres_url("answerloop_app", credentials.postgres_app),
        OWNER_URL: ports.postgres_url("answerloop", credentials.postgres_answerloop),
        REPORTS_URL: ports.postgres_url("answerloop_reports", credentials.postgres_reports),
        "ANSWERLOOP_KAFKA_BOOTSTRAP": f"{HOST}:{ports.kafka}",
        "ANSWERLOOP_KAFKA_SECURITY_PROTOCOL": "PLAINTEXT",
        "ANSWERLOOP_REDIS_URL": f"redis://:{credentials.redis}@{HOST}:{ports.redis}/0",
        "ANSWERLOOP_FLINK_URL": f"http://{HOST}:{ports.flink}",
        "ANSWERLOOP_SIMULATOR_PORT": str(ports.simulator),
        "ANSWERLOOP_CHECKPOINT_DIR": str(places.checkpoints),
        "ANSWERLOOP_WEB_ASSETS": str(places.web_assets),
        "ANSWERLOOP_REPORTS_DIR": str(places.state / "reports"),
        "ANSWERLOOP_SAMPLER_TARGETS": _sampled(ports),
        **({"ANSWERLOOP_FLINK_CONNECTOR_JAR": str(connector)} if connector else {}),
        "ANSWERLOOP_AIRFLOW_URL": f"http://{HOST}:{ports.airflow}",
        "ANSWERLOOP_AIRFLOW_USER": airflow.USER,
        "ANSWERLOOP_AIRFLOW_PASSWORD": credentials.airflow_password,
    }


def _sampled(ports: Ports) -> str:
    """The services whose use the sampler keeps, under the names of the contract."""
    return ",".join(f"{service.name}=http://{HOST}:{ports.of(service)}" for service in SERVICES)


def process_environment(environ: Mapping[str, str], stack: Mapping[str, str], places: Places) -> dict[str, str]:
    """What supervisord and all below it run with: the user's environment, less what would mislead Flink and Python, and the services'."""
    kept = {
        name: value
        for name, value in environ.items()
        if not name.startswith((PREFIX, "AIRFLOW_", "FLINK_", "_FLINK_"))
        and name not in ("PYTHONPATH", "PYTHONHOME", "PYTHONDONTWRITEBYTECODE")
    }
    return {
        **kept,
        **{name: value for name, value in stack.items() if name not in (OWNER_URL, REPORTS_URL)},
        MARK: str(places.state),
        "PYTHONPATH": str(places.root),
        "PYTHONUNBUFFERED": "1",
        # Airflow's processes change their titles; without this they would lose their environment, and the mark in it.
        "SPT_NOENV": "1",
        # Fewer malloc arenas: a third less memory for processes with many threads.
        "MALLOC_ARENA_MAX": "2",
        "FLINK_CONF_DIR": str(places.flink / "conf"),
        "FLINK_LOG_DIR": str(places.logs),
        "FLINK_PID_DIR": str(places.run),
        "FLINK_IDENT_STRING": "answerloop",
        "PATH": f"{places.python.parent}:{environ.get('PATH', '/usr/bin:/bin')}",
    }


def as_exports(stack: Mapping[str, str]) -> str:
    """The text of the env file, for a shell's `.`."""
    lines = [f"export {name}={shlex.quote(value)}" for name, value in sorted(stack.items())]
    return "\n".join(["# Written by `make up`: where everything is. `. .local/env` in a shell.", *lines, ""])
