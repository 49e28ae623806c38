"""What containers run, against the programs themselves."""

import json
import os
import re
import subprocess
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer
from importlib.util import find_spec
from pathlib import Path
from threading import Thread
from types import SimpleNamespace

import pytest
from typer.main import get_command

from deploy.docker import flink_config, probe
from deploy.local.programs import flink_home
from streaming.__main__ import app
from streaming.ops import ops_app
from streaming.settings import Settings
from streaming.storage.api import create_app
from tests.unit.compose.project import ROOT, environment, services, target

PROBED = {
    name: each["healthcheck"]["test"]
    for name, each in services().items()
    if "/app/deploy/docker/probe.py" in each.get("healthcheck", {}).get("test", [])
}


def of(image: str) -> list[str]:
    return [name for name in services() if target(name) == image]


@pytest.mark.parametrize("name", [name for name in of("services") if "entrypoint" not in services()[name]])
def test_the_services_image_runs_commands_that_exist(name: str) -> None:
    command = services()[name]["command"]
    main = get_command(app)
    with main.make_context("streaming", list(command)) as context:
        found, sub, rest = main.resolve_command(context, list(command))
        assert sub is not None
        sub.make_context(found, rest).close()


def test_a_service_with_an_entry_point_of_its_own_runs_a_module_that_exists() -> None:
    for name in of("services"):
        if "entrypoint" in services()[name]:
            program, flag, module = services()[name]["entrypoint"]
            assert (program, flag) == ("python", "-m")
            assert find_spec(f"{module}.__main__") is not None


def test_the_submitter_is_a_command_that_exists() -> None:
    assert services()["job-submitter"]["command"][:3] == ["python", "-m", "streaming"]
    assert services()["job-submitter"]["command"][3] in get_command(app).commands


@pytest.mark.parametrize("name", ["flink-jobmanager", "flink-taskmanager"])
def test_flinks_scripts_are_in_the_distribution(name: str) -> None:
    script, how = services()[name]["command"]
    text = (flink_home() / "bin" / script).read_text()
    assert how in text
    assert "pyflink/bin" in (ROOT / "deploy/docker/Dockerfile").read_text()


def test_every_probe_is_one_that_the_script_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[object, ...]] = []
    monkeypatch.setattr(probe, "problem", lambda *wanted: asked.append(wanted))
    monkeypatch.setenv("ANSWERLOOP_API_TOKEN", "x")
    assert len(PROBED) > 10
    for test in PROBED.values():
        assert test[:3] == ["CMD", "python", "/app/deploy/docker/probe.py"]
        monkeypatch.setattr(sys, "argv", test[2:])
        probe.main()
    assert len(asked) == len(PROBED)


def routes(name: str) -> tuple[int, set[str]]:
    """The port that a service listens on, and its paths."""
    if name == "storage-api":
        application = create_app(Settings())
        return 8000, set(application.openapi()["paths"]) | {"/metrics"}
    if name == "simulator":
        from streaming.simulator.app import create_app as create_simulator

        application = create_simulator(SimpleNamespace(slots=1, model="m", other_model="o", seed=1, latency_s=0.0, spread=0.0), None)
        return 11434, {getattr(route, "path", "") for route in application.routes}
    if name == "flink-jobmanager":
        # /overview is what the local stack asks too.
        assert "/overview" in (ROOT / "deploy/local/programs.py").read_text()
        return 8081, {"/overview"}
    if name == "flink-taskmanager":
        return flink_config.METRICS_PORT, {"/metrics"}
    return 8100, {route.path for route in ops_app(name, dict).routes}


@pytest.mark.parametrize("name", [name for name in PROBED if not name.startswith("airflow-")])
def test_a_health_check_asks_for_a_route_that_the_service_has(name: str) -> None:
    url = next(word for word in PROBED[name] if word.startswith("http://"))
    host, port, path = re.fullmatch(r"http://([\w.-]+):(\d+)(/.*)", url).groups()
    listening, paths = routes(name)
    assert int(port) == listening
    assert path in paths
    assert host == "127.0.0.1" or host in services()


def test_the_ports_of_the_services_are_the_ones_they_are_told() -> None:
    for name in (*of("services"), "job-submitter"):
        told = environment(name)
        assert (told["ANSWERLOOP_API_PORT"], told["ANSWERLOOP_OPS_PORT"]) == ("8000", "8100")
    assert environment("simulator")["ANSWERLOOP_SIMULATOR_PORT"] == "11434"
    published = {name: services()[name].get("ports", []) for name in services()}
    assert published["storage-api"][0].endswith(":8000")
    assert published["airflow-api-server"][0].endswith(":8080")


class Answers(BaseHTTPRequestHandler):
    """/ok: JSON; /secret: 200 with the token; else 503."""

    def do_GET(self) -> None:
        allowed = self.path == "/ok" or (self.path == "/secret" and self.headers["Authorization"] == "Bearer x")
        self.send_response(200 if allowed else 503)
        self.end_headers()
        self.wfile.write(b'{"scheduler": {"status": "healthy"}}' if allowed else b'{"problems": {"kafka": "away"}}')

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def server() -> str:
    made = HTTPServer(("127.0.0.1", 0), Answers)
    Thread(target=made.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{made.server_port}"
    made.shutdown()
    made.server_close()


def run_probe(*words: str) -> subprocess.CompletedProcess[str]:
    # As in the container: a bare Python, no project, a proxy in the environment that must not be asked.
    environ = {"PATH": os.environ["PATH"], "ANSWERLOOP_API_TOKEN": "x", "http_proxy": "http://127.0.0.1:9"}
    return subprocess.run(
        [sys.executable, "-I", "-S", ROOT / "deploy/docker/probe.py", *words], env=environ, capture_output=True, text=True
    )


def test_the_probe_tells_health_from_trouble(server: str) -> None:
    assert run_probe(f"{server}/ok").returncode == 0
    assert run_probe(f"{server}/ok", "scheduler.status=healthy").returncode == 0
    unhealthy = run_probe(f"{server}/ok", "scheduler.status=gone")
    assert unhealthy.returncode == 1
    assert "is healthy, not gone" in unhealthy.stderr
    assert "has no triggerer" in run_probe(f"{server}/ok", "triggerer.status=healthy").stderr
    away = run_probe(f"{server}/readyz")
    assert away.returncode == 1
    assert "kafka" in away.stderr
    assert run_probe("http://127.0.0.1:9/").returncode == 1


def test_the_probe_sends_the_token_only_where_it_is_asked_to(server: str) -> None:
    assert run_probe(f"{server}/secret").returncode == 1
    assert run_probe("--with-token", f"{server}/secret").returncode == 0


def entry(image: str, tmp_path: Path, command: list[str], environ: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Run an image's entry point here, with programs that say how they were called in the place of the real ones."""
    stubs = tmp_path / "bin"
    stubs.mkdir()
    for name in ("jobmanager.sh", "taskmanager.sh", "airflow"):
        (stubs / name).write_text('#!/bin/sh\necho "$(basename "$0")" "$@"\nenv\n')
        (stubs / name).chmod(0o755)
    (stubs / "python").symlink_to(sys.executable)
    path = f"{stubs}:{os.environ['PATH']}"
    # sys.prefix must stay the environment's: a link alone would lose its packages.
    (stubs / "python").unlink()
    (stubs / "python").write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    (stubs / "python").chmod(0o755)
    return subprocess.run(
        [ROOT / f"deploy/docker/{image}-entrypoint", *command],
        env={"PATH": path, "PYTHONPATH": str(ROOT), **environ},
        cwd=ROOT,
        capture_output=True,
        text=True,
    )


@pytest.mark.parametrize("name", ["flink-jobmanager", "flink-taskmanager"])
def test_flinks_entry_point_writes_its_settings_and_runs_the_component(name: str, tmp_path: Path) -> None:
    conf = tmp_path / "conf"
    done = entry("flink", tmp_path, services()[name]["command"], {**environment(name), "FLINK_CONF_DIR": str(conf)})
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[0] == " ".join(services()[name]["command"])
    assert "jobmanager.rpc.address: flink-jobmanager" in (conf / "config.yaml").read_text()
    assert (conf / "log4j-console.properties").exists()


def test_flinks_own_parser_reads_the_settings_back(tmp_path: Path) -> None:
    settings = flink_config.config("b1c2d3", flink_home(), tmp_path / "checkpoints", 5_000)
    flink_config.write(tmp_path, settings)
    lib = ":".join(
        str(jar)
        for jar in [
            *(flink_home() / "bin").glob("*.jar"),
            *(flink_home() / "lib").glob("flink-dist*.jar"),
            *(flink_home() / "lib").glob("log4j-*.jar"),
        ]
    )
    done = subprocess.run(
        [
            "java",
            "-XX:+UseSerialGC",
            "-cp",
            lib,
            "org.apache.flink.runtime.util.bash.BashJavaUtils",
            "GET_JM_RESOURCE_PARAMS",
            "--configDir",
            tmp_path,
        ],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "BASH_JAVA_UTILS_EXEC_RESULT" in done.stdout


def test_airflows_entry_point_writes_its_login_and_hides_the_secrets(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    environ = {**environment("airflow-scheduler"), "AIRFLOW_HOME": str(home)}
    done = entry("airflow", tmp_path, services()["airflow-scheduler"]["command"], environ)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0] == "airflow scheduler --skip-serve-logs"
    assert not [line for line in lines if re.match(r"AIRFLOW_(PASSWORD|DATABASE_PASSWORD|FERNET_KEY|JWT_SECRET|SECRET_KEY)=", line)]
    assert json.loads((home / "passwords.json").read_text())["admin"]
    assert (home / "airflow.cfg").exists()


def test_an_entry_point_without_its_secrets_runs_nothing(tmp_path: Path) -> None:
    done = entry("airflow", tmp_path, ["scheduler"], {"AIRFLOW_HOME": str(tmp_path)})
    assert done.returncode != 0
    assert "AIRFLOW_DATABASE_PASSWORD" in done.stderr
    assert done.stdout == ""
