"""The loop's containers, without an engine: each command runs as its image would run it, with the packages of that image alone."""

import os
import re
import socket
import subprocess
import sys
import time
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from packaging.utils import canonicalize_name

from tests.unit.compose.project import ROOT, environment, services, target
from tests.unit.compose.test_images import allowed

RUN = [name for name in services() if target(name) in ("services", "flink") and environment(name).get("ANSWERLOOP_OPS_PORT")]
SERVICES = [name for name in RUN if services()[name]["restart"] != "no" and not name.startswith("flink-")]
DEADLINE_S = 60

# Put before everything by Python's start: what the image does not have cannot be imported.
BLOCKER = """
import sys

class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {names!r}:
            raise ModuleNotFoundError(f"the image has no {{name}}", name=name)

sys.meta_path.insert(0, Absent())
"""


def absent(image: str) -> set[str]:
    return {name for name, found in packages_distributions().items() if not {canonicalize_name(each) for each in found} & allowed(image)}


def command(name: str) -> list[str]:
    """What the container runs, with this Python for its own."""
    service = services()[name]
    entry = {"services": ["python", "-m", "streaming"], "flink": []}[target(name)]
    words = [*service.get("entrypoint", entry), *service["command"]]
    assert words[0] == "python"
    return [sys.executable, *words[1:]]


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


def environ(name: str, folder: Path, ports: dict[str, str]) -> dict[str, str]:
    """The container's variables; the components that they name are away: nothing listens on port 1."""
    told = {variable: re.sub(r"\b[a-z]+(-[a-z]+)*:\d+(?=/|$)", "127.0.0.1:1", value) for variable, value in environment(name).items()}
    for variable in ("ANSWERLOOP_API_PORT", "ANSWERLOOP_OPS_PORT", "ANSWERLOOP_SIMULATOR_PORT"):
        if variable in told:
            told[variable] = ports.setdefault(told[variable], str(free_port()))
    told |= {"ANSWERLOOP_HOST": "127.0.0.1", "PYTHONPATH": f"{folder}:{ROOT}", "PATH": os.environ["PATH"]}
    return {variable: value.replace("/app/", f"{ROOT}/") for variable, value in told.items()}


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_starts_with_its_images_packages_and_answers_its_health_check(name: str, tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(BLOCKER.format(names=absent(target(name))))
    ports: dict[str, str] = {}
    variables = environ(name, tmp_path, ports)
    log = tmp_path / "log"
    with log.open("w") as out:
        service = subprocess.Popen(command(name), env=variables, cwd=ROOT, stdout=out, stderr=out)
    try:
        words = [word.replace("/app/", f"{ROOT}/") for word in services()[name]["healthcheck"]["test"][2:]]
        check = [sys.executable, *(re.sub(r":(\d+)/", lambda found: f":{ports.get(found[1], found[1])}/", word) for word in words)]
        deadline = time.monotonic() + DEADLINE_S
        while True:
            assert service.poll() is None, log.read_text()
            done = subprocess.run(check, env=variables, capture_output=True, text=True, timeout=30)
            if done.returncode == 0 or "HTTP" in done.stderr:
                break
            assert time.monotonic() < deadline, f"{done.stderr}\n{log.read_text()}"
            time.sleep(0.2)
    finally:
        # How it stops is tested elsewhere, and takes its time while components are away.
        service.kill()
        service.wait()
    # Its components are away: ready is only who needs none of them. A wrong path would be a 404, a missing token a 401.
    assert done.returncode == 0 or "HTTP 503" in done.stderr, done.stderr
    assert "Traceback" not in log.read_text(), log.read_text()


def test_provisioning_without_its_components_says_what_is_away(tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(BLOCKER.format(names=absent("services")))
    done = subprocess.run(
        command("provision"), env=environ("provision", tmp_path, {}), cwd=ROOT, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 1
    assert "PostgreSQL cannot be reached" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_package_that_the_image_lacks_cannot_be_imported(tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(BLOCKER.format(names=absent("services")))
    variables = {"PATH": os.environ["PATH"], "PYTHONPATH": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", "import torch"], env=variables, capture_output=True, text=True)
    assert "the image has no torch" in done.stderr
