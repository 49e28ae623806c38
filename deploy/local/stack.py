"""One local stack: its places, ports and credentials, and the environment that follows from them."""

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from dotenv import dotenv_values

from deploy.local import airflow, environment, places, ports, private
from deploy.local.environment import PROMETHEUS_URL
from deploy.local.places import Places
from deploy.local.ports import HOST, Ports
from deploy.local.private import Credentials


@dataclass(frozen=True)
class Stack:
    """`environment`: every ANSWERLOOP_* variable of it. `process_environment`: all that each of its processes is started with.

    `airflow_environment`: what Airflow's have besides, where it is and what it connects to.
    """

    places: Places
    ports: Ports
    credentials: Credentials
    environment: Mapping[str, str]
    airflow_environment: Mapping[str, str]
    process_environment: Mapping[str, str]

    @property
    def simulated(self) -> bool:
        return "ANSWERLOOP_SIMULATOR_URL" in self.environment

    @property
    def monitored(self) -> bool:
        """Whether Prometheus is one of its programs."""
        return PROMETHEUS_URL in self.environment


def where(environ: Mapping[str, str]) -> tuple[dict[str, str], Places]:
    """The user's settings, exported ones over those in `answerloop.env`, and the places that they name; touches nothing."""
    user = environment.user_settings({**_in_file(places.ROOT / "answerloop.env"), **environ})
    return user, places.places(user)


def _in_file(file: Path) -> dict[str, str]:
    return {name: value for name, value in dotenv_values(file).items() if value is not None}


def load(environ: Mapping[str, str]) -> Stack:
    """The stack that the user's settings ask for; its state directory and credentials are made if missing.

    Raises ConfigurationError.
    """
    user, chosen = where(environ)
    return _stack(user, chosen, environ, monitored=shutil.which("prometheus") is not None)


def recorded(environ: Mapping[str, str]) -> Stack:
    """The stack as it was last started, whatever this shell's settings are by now."""
    user, chosen = where(environ)
    exports = environment.read_exports(chosen.env_file)
    return _stack(environment.user_settings(exports) or user, chosen, environ, monitored=PROMETHEUS_URL in exports)


def _stack(user: Mapping[str, str], chosen: Places, environ: Mapping[str, str], *, monitored: bool) -> Stack:
    offset = ports.parse_offset(user.get("ANSWERLOOP_PORT_OFFSET", ""))
    numbers = ports.load(offset)
    chosen.claim()
    kept = private.credentials(chosen.credentials)
    variables = environment.stack_environment(user, chosen, numbers, kept, offset)
    if monitored:
        variables[PROMETHEUS_URL] = f"http://{HOST}:{numbers.prometheus}"
    connections = airflow.environment(variables, chosen, numbers)
    return Stack(chosen, numbers, kept, variables, connections, environment.process_environment(environ, variables, chosen))
