"""Talking to supervisord over its Unix socket."""

import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass
from http.client import HTTPException
from typing import Any
from xmlrpc.client import Fault, ProtocolError, ServerProxy  # nosec B411 # speaks to the stack's own supervisord, over a socket that only its user opens

from supervisor.xmlrpc import SupervisorTransport

from deploy.local.places import Places
from streaming.errors import ConfigurationError, Unreachable

_UP = ("STARTING", "RUNNING", "BACKOFF", "STOPPING")


@dataclass(frozen=True)
class State:
    """What supervisord knows of a program. `started`: seconds since the epoch of its newest start, 0 if never."""

    name: str
    state: str
    pid: int
    started: int
    description: str

    @property
    def running(self) -> bool:
        return self.state == "RUNNING"

    @property
    def stopped(self) -> bool:
        return self.state not in _UP


class Supervisor:
    """supervisord of one stack. Every call raises Unreachable while it does not run."""

    def __init__(self, places: Places) -> None:
        self._places = places

    def alive(self) -> bool:
        try:
            self.pid()
        except Unreachable:
            return False
        return True

    def pid(self) -> int:
        return int(self._call("getPID"))

    def launch(self, environment: Mapping[str, str], deadline_s: float = 15) -> None:
        """Start supervisord in the background. Raises ConfigurationError with its own words if it will not start."""
        command = [str(self._places.python), "-m", "supervisor.supervisord", "-c", str(self._places.state / "supervisord.conf")]
        done = subprocess.run(command, env=dict(environment), cwd=self._places.root, text=True, capture_output=True, check=False)
        if done.returncode != 0:
            raise ConfigurationError(f"supervisord does not start: {(done.stderr or done.stdout).strip()}")
        until = time.monotonic() + deadline_s
        while not self.alive():
            if time.monotonic() > until:
                raise Unreachable(f"supervisord does not answer on {self._places.socket}; see {self._places.logs}/supervisord.log")
            time.sleep(0.05)

    def states(self) -> dict[str, State]:
        """By program name."""
        return {each["name"]: _state(each) for each in self._call("getAllProcessInfo")}

    def state(self, name: str) -> State:
        return _state(self._call("getProcessInfo", name))

    def start(self, name: str) -> None:
        """Ask for a start and return at once; a program that runs is left alone."""
        self._call("startProcess", name, False, ignore="ALREADY_STARTED")

    def stop(self, name: str) -> None:
        """Ask for a stop and return at once."""
        self._call("stopProcess", name, False, ignore="NOT_RUNNING")

    def shut_down(self) -> None:
        """Ask supervisord to end. It stops what still runs."""
        self._call("shutdown")

    def _call(self, method: str, *arguments: object, ignore: str = "") -> Any:
        # A new connection each time: the transport keeps a broken one for ever.
        proxy: Any = ServerProxy("http://127.0.0.1", transport=SupervisorTransport(None, None, f"unix://{self._places.socket}"))
        try:
            return getattr(proxy.supervisor, method)(*arguments)
        except Fault as fault:
            if ignore and ignore in fault.faultString:
                return None
            raise ConfigurationError(f"supervisord refuses {method}{arguments}: {fault.faultString}") from fault
        except (OSError, HTTPException, ProtocolError) as err:
            raise Unreachable(f"supervisord does not answer on {self._places.socket}: {err}") from err


def _state(info: Mapping[str, Any]) -> State:
    return State(info["name"], info["statename"], int(info["pid"]), int(info["start"]), info["description"])
