"""What would keep the stack from starting, found before anything starts: each problem one line that says what to do."""

import os
import re
import shutil
import socket
import subprocess
from collections.abc import Callable, Iterable, Mapping

import psutil

from deploy.local.places import Places
from deploy.local.ports import HOST
from deploy.local.programs import Program

MIN_MEMORY = 6 * 1024**3
MIN_DISK = 2 * 1024**3
MIN_JAVA = 17


def problems(programs: Iterable[Program], places: Places) -> list[str]:
    """Everything that is in the way of starting these programs now."""
    checks = (
        memory_problem(psutil.virtual_memory().available),
        disk_problem(shutil.disk_usage(places.state).free, places),
        java_problem(java_version()),
        None if shutil.which("redis-server") else "redis-server is not installed; `make setup` installs it or says how",
        None if any(places.kafka_jars.glob("kafka_*.jar")) else f"no Kafka jars in {places.kafka_jars}; run `make setup`",
        None if any(places.connector_jars.glob("*.jar")) else f"no Kafka connector for Flink in {places.connector_jars}; run `make setup`",
    )
    return [problem for problem in checks if problem] + port_problems(programs, is_free, holder)


def memory_problem(available: int) -> str | None:
    if available >= MIN_MEMORY:
        return None
    return f"{available / 1024**3:.1f} GB of memory are available, the stack needs {MIN_MEMORY // 1024**3} GB: close something large"


def disk_problem(free: int, places: Places) -> str | None:
    if free >= MIN_DISK:
        return None
    return f"{free / 1024**3:.1f} GB are free on the disk of {places.state}, the stack needs {MIN_DISK // 1024**3} GB: make room"


def java_version() -> int | None:
    """The major version of the Java on the path, None if there is none."""
    if not shutil.which("java"):
        return None
    done = subprocess.run(["java", "-version"], text=True, capture_output=True, check=False, timeout=30)  # nosec B607 # the java that the stack's programs find, too
    return parse_java_version(done.stderr + done.stdout)


def parse_java_version(output: str) -> int | None:
    """17 from `openjdk version "17.0.15" ...`; old releases call themselves 1.8."""
    found = re.search(r'version "(?:1\.)?(\d+)', output)
    return int(found.group(1)) if found else None


def java_problem(version: int | None) -> str | None:
    if version is None:
        return f"no Java on the path; Kafka and Flink need {MIN_JAVA} or newer: `make setup` installs it or says how"
    if version < MIN_JAVA:
        return f"Java {version} is first on the path; Kafka and Flink need {MIN_JAVA} or newer"
    return None


def port_problems(programs: Iterable[Program], free: Callable[[int], bool], held_by: Callable[[int], str]) -> list[str]:
    """A line for each port that somebody else listens on."""
    return [
        f"port {port} of {program.name} is taken by {held_by(port)}: stop that, or shift every port with ANSWERLOOP_PORT_OFFSET=1000"
        for program in programs
        for port in program.ports
        if not free(port)
    ]


def is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
        return True


def holder(port: int) -> str:
    """Name and pid of the process that listens on a port, as far as this user may know."""
    try:
        connections = psutil.net_connections("tcp")
    except psutil.AccessDenied:
        connections = []
    for connection in connections:
        if connection.status == psutil.CONN_LISTEN and connection.laddr and connection.laddr.port == port and connection.pid:
            try:
                process = psutil.Process(connection.pid)
                return f"{process.name()} (pid {process.pid}, {' '.join(process.cmdline())[:80]})"
            except psutil.Error:
                break
    return "another user's process" if os.geteuid() else "another process"


def unknown_settings(user: Mapping[str, str], known: Iterable[str]) -> list[str]:
    """Variables that look like settings and are none: most likely misspelt."""
    return sorted(user.keys() - set(known))
