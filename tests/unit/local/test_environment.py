"""What services and people are told: addresses, the user's settings, secrets."""

import os
import subprocess
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from deploy.local import environment, ports, private
from deploy.local.places import Places, places
from streaming.settings import Settings


@pytest.fixture
def here(tmp_path: Path) -> Places:
    chosen = places({}, tmp_path, as_root=False)
    chosen.claim()
    return chosen


def stack_environment(here: Places, user: dict[str, str] | None = None, offset: int = 0) -> dict[str, str]:
    return environment.stack_environment(user or {}, here, ports.load(offset), private.credentials(here.credentials), offset)


def test_every_address_of_the_contract_is_exported(here: Places) -> None:
    promised = {"API_URL", "DATABASE_URL", "MIGRATION_DATABASE_URL", "REPORTS_DATABASE_URL"}
    promised |= {"KAFKA_BOOTSTRAP", "REDIS_URL", "FLINK_URL", "OLLAMA_URL"}
    assert {f"ANSWERLOOP_{name}" for name in promised} <= stack_environment(here).keys()


def test_the_services_accept_what_they_are_given(here: Places, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("ANSWERLOOP_")]:
        monkeypatch.delenv(name)
    for name, value in stack_environment(here, {"ANSWERLOOP_MODEL": "other:7b"}, offset=10_000).items():
        monkeypatch.setenv(name, value)
    read = Settings()
    assert read.model == "other:7b"
    assert read.api_url == "http://127.0.0.1:18000"
    assert read.api_port == 18000
    assert read.kafka_bootstrap == "127.0.0.1:19092"
    assert read.checkpoint_dir == here.checkpoints
    logins = [urlsplit(url).username for url in (read.database_url, read.owner_url, read.reader_url)]
    assert logins == ["answerloop_app", "answerloop", "answerloop_reports"]
    assert read.sampler_targets["llm_consumer_service"] == "http://127.0.0.1:18102"
    assert len(read.sampler_targets) == 7


def test_a_users_own_ollama_replaces_the_simulator(here: Places) -> None:
    user = environment.user_settings({"ANSWERLOOP_OLLAMA_URL": "http://127.0.0.1:11434", "PATH": "/bin"})
    assert not environment.simulated(user)
    assert stack_environment(here, user)["ANSWERLOOP_OLLAMA_URL"] == "http://127.0.0.1:11434"
    assert "ANSWERLOOP_SIMULATOR_URL" not in stack_environment(here, user)


def test_a_users_own_model_server_replaces_the_simulator_whatever_it_speaks(here: Places) -> None:
    user = environment.user_settings({"ANSWERLOOP_MODEL_URL": "http://127.0.0.1:8000/v1", "ANSWERLOOP_MODEL_API": "openai"})
    assert not environment.simulated(user)
    told = stack_environment(here, user)
    assert told["ANSWERLOOP_MODEL_URL"] == told["ANSWERLOOP_OLLAMA_URL"] == "http://127.0.0.1:8000/v1"


def test_another_stacks_simulator_in_the_shell_is_not_taken_for_an_ollama(here: Places) -> None:
    shell = stack_environment(here)
    user = environment.user_settings(shell)
    assert environment.simulated(user)
    assert stack_environment(here, user, offset=10_000)["ANSWERLOOP_OLLAMA_URL"] == "http://127.0.0.1:21444"


def test_a_stack_has_its_own_addresses_whatever_the_shell_says(here: Places) -> None:
    shell = {"ANSWERLOOP_DATABASE_URL": "postgresql://elsewhere/x", "ANSWERLOOP_API_PORT": "1"}
    shell["ANSWERLOOP_KAFKA_SECURITY_PROTOCOL"] = "SASL_SSL"
    found = stack_environment(here, environment.user_settings(shell))
    assert "127.0.0.1:5442" in found["ANSWERLOOP_DATABASE_URL"]
    assert found["ANSWERLOOP_API_PORT"] == "8000"
    assert found["ANSWERLOOP_KAFKA_SECURITY_PROTOCOL"] == "PLAINTEXT"


def test_the_env_file_means_the_same_to_a_shell_and_to_us(here: Places) -> None:
    variables = stack_environment(here, {"ANSWERLOOP_MODEL": 'it\'s "odd" $HOME'})
    private.write(here.env_file, environment.as_exports(variables))
    assert environment.read_exports(here.env_file) == variables
    said = subprocess.run(["sh", "-c", f'. {here.env_file}; printf %s "$ANSWERLOOP_MODEL"'], capture_output=True, text=True, check=True)
    assert said.stdout == variables["ANSWERLOOP_MODEL"]


def test_the_env_file_is_read_by_its_owner_only(here: Places) -> None:
    here.env_file.write_text("old")
    here.env_file.chmod(0o644)
    private.write(here.env_file, "new")
    assert here.env_file.stat().st_mode & 0o777 == 0o600
    assert here.env_file.read_text() == "new"


def test_credentials_are_made_once_and_kept_private(here: Places) -> None:
    first = private.credentials(here.credentials)
    assert private.credentials(here.credentials) == first
    assert here.credentials.stat().st_mode & 0o777 == 0o600
    assert len({first.postgres_superuser, first.postgres_answerloop, first.redis}) == 3


def test_what_would_mislead_flink_and_python_does_not_reach_the_processes(here: Places) -> None:
    shell = {"FLINK_HOME": "/opt/flink", "PYTHONPATH": "/elsewhere", "ANSWERLOOP_MODEL": "stale", "HOME": "/home/me", "PATH": "/bin"}
    found = environment.process_environment(shell, stack_environment(here), here)
    assert "FLINK_HOME" not in found
    assert "ANSWERLOOP_MODEL" not in found
    assert found["PYTHONPATH"] == str(here.root)
    assert found["HOME"] == "/home/me"
    assert found[environment.MARK] == str(here.state)
