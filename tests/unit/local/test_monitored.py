"""Whether a stack has Prometheus: decided when it starts, and remembered."""

import os
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from deploy.local import environment, private, stack, status
from deploy.local.environment import PROMETHEUS_URL


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    return {"ANSWERLOOP_STATE_DIR": str(tmp_path / "state"), "PATH": os.environ["PATH"]}


def installed(monkeypatch: pytest.MonkeyPatch, there: bool) -> None:
    monkeypatch.setattr("shutil.which", lambda name: f"/usr/bin/{name}" if there else None)


def started(environ: dict[str, str]) -> stack.Stack:
    loaded = stack.load(environ)
    private.write(loaded.places.env_file, environment.as_exports(loaded.environment))
    return loaded


def test_a_stack_has_prometheus_where_it_is_installed(environ: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    installed(monkeypatch, False)
    assert not stack.load(environ).monitored
    installed(monkeypatch, True)
    assert stack.load(environ).environment[PROMETHEUS_URL] == "http://127.0.0.1:9190"


@pytest.mark.parametrize("at_first", [True, False])
def test_a_running_stack_stays_as_it_was_started(environ: dict[str, str], monkeypatch: pytest.MonkeyPatch, at_first: bool) -> None:
    installed(monkeypatch, at_first)
    started(environ)
    installed(monkeypatch, not at_first)
    assert stack.recorded(environ).monitored is at_first


def test_another_stacks_prometheus_in_the_shell_is_not_taken_over(environ: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    installed(monkeypatch, False)
    assert not stack.load({**environ, PROMETHEUS_URL: "http://127.0.0.1:19190"}).monitored


@pytest.mark.parametrize(("there", "said"), [(True, "http://127.0.0.1:9190"), (False, "not installed: optional, see docs/operations.md")])
def test_one_line_says_where_prometheus_is(environ: dict[str, str], monkeypatch: pytest.MonkeyPatch, there: bool, said: str) -> None:
    installed(monkeypatch, there)
    printed = StringIO()
    status.show_addresses(started(environ), Console(file=printed, width=150))
    (line,) = [line for line in printed.getvalue().splitlines() if line.strip().startswith("Prometheus")]
    assert line.strip() == f"Prometheus  {said}"
