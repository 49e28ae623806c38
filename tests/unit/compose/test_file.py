"""The compose file as such: valid, closed to others, and complete in itself."""

import json
import re
import subprocess
from importlib.util import find_spec
from pathlib import Path

import jsonschema
import pytest

from tests.unit.compose.project import FILE, ROOT, interpolated, project, raw, required_variables, services, target

ONE_SHOT = {"postgres-logins", "provision", "airflow-migrate", "model-pull"}
MODELS = {"ollama", "ollama-gpu", "simulator"}


@pytest.mark.parametrize("load", [raw, project])
def test_the_file_is_valid_by_the_compose_specification(load) -> None:
    carrier = find_spec("check_jsonschema")
    assert carrier is not None
    assert carrier.origin is not None
    schema = json.loads((Path(carrier.origin).parent / "builtin_schemas/vendor/compose-spec.json").read_text())
    jsonschema.validators.validator_for(schema)(schema).validate(load())


def test_every_component_of_the_system_is_there() -> None:
    stands_on = {"kafka", "postgres", "redis", "flink-jobmanager", "flink-taskmanager", "model-pull"} | MODELS
    loop = {"provision", "storage-api", "storage-persister", "llm-consumer", "retry-overload", "retry-quota", "job-submitter"}
    airflow = {f"airflow-{name}" for name in ("migrate", "api-server", "scheduler", "dag-processor", "triggerer")}
    assert stands_on | loop | airflow | {"prometheus", "grafana"} <= services().keys()


@pytest.mark.parametrize("name", services())
def test_ports_are_published_on_loopback_only(name: str) -> None:
    for port in services()[name].get("ports", []):
        assert re.fullmatch(r"127\.0\.0\.1:\d+(-\d+)?:\d+", port), port


def test_no_port_of_the_host_is_taken_twice() -> None:
    taken: list[int] = []
    for service in services().values():
        for port in service.get("ports", []):
            first, _, last = port.split(":")[1].partition("-")
            taken.extend(range(int(first), int(last or first) + 1))
    assert len(taken) == len(set(taken))


@pytest.mark.parametrize("name", services())
def test_whatever_keeps_running_has_a_health_check_and_comes_back(name: str) -> None:
    service = services()[name]
    if name in ONE_SHOT:
        assert "healthcheck" not in service
        assert service["restart"] == "no"
    else:
        assert service["healthcheck"]["test"]
        assert service["restart"] == "unless-stopped"


@pytest.mark.parametrize("name", services())
def test_every_service_is_bounded_and_unprivileged(name: str) -> None:
    service = services()[name]
    assert service["deploy"]["resources"]["limits"]["memory"]
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["logging"]["options"]["max-size"]
    assert not service.get("privileged")


def test_a_service_waits_for_what_ends_or_gets_healthy() -> None:
    for name, service in services().items():
        for other, how in service.get("depends_on", {}).items():
            wanted = "service_completed_successfully" if other in ONE_SHOT else "service_healthy"
            assert how["condition"] == wanted, f"{name} -> {other}"
            # A service of another profile can only be waited for where it is not required.
            profiles, others = service.get("profiles"), services()[other].get("profiles")
            assert how.get("required", True) is not (others is not None and profiles != others), f"{name} -> {other}"


def test_dependencies_form_no_circle() -> None:
    waiting = {name: set(service.get("depends_on", {})) for name, service in services().items()}
    while waiting:
        ready = {name for name, others in waiting.items() if not others & waiting.keys()}
        assert ready, f"these wait for each other: {sorted(waiting)}"
        waiting = {name: others for name, others in waiting.items() if name not in ready}


@pytest.mark.parametrize("profile", ["ollama", "gpu", "simulated"])
def test_each_profile_has_one_model_server_under_the_name_that_services_use(profile: str) -> None:
    servers = [name for name in MODELS if profile in services()[name]["profiles"]]
    assert len(servers) == 1
    assert services()[servers[0]]["networks"]["default"]["aliases"] == ["model"]
    assert services()["llm-consumer"]["environment"]["ANSWERLOOP_OLLAMA_URL"] == "http://model:11434"


def test_the_gpu_is_reserved_in_its_profile_alone() -> None:
    reserving = [name for name, each in services().items() if "reservations" in each.get("deploy", {}).get("resources", {})]
    assert reserving == ["ollama-gpu"]


def test_every_volume_is_declared_and_used() -> None:
    mounted = {mount.split(":")[0] for service in services().values() for mount in service.get("volumes", [])}
    named = {source for source in mounted if not source.startswith((".", "/"))}
    assert named == project()["volumes"].keys()


def test_every_mounted_path_exists_and_is_read_only() -> None:
    for service in services().values():
        for mount in service.get("volumes", []):
            source, _, rest = mount.partition(":")
            if source.startswith("."):
                assert (ROOT / source).exists(), source
                assert rest.endswith(":ro"), mount


def test_every_secret_is_declared() -> None:
    used = {name for service in services().values() for name in service.get("secrets", [])}
    assert used == project()["secrets"].keys()
    assert {secret["environment"] for secret in project()["secrets"].values()} <= required_variables()


def test_official_images_have_a_full_version() -> None:
    for name, service in services().items():
        if target(name) is None:
            assert re.search(r":v?\d+\.\d+(\.\d+)?(-\w+)?$", service["image"]), service["image"]


def test_no_secret_is_in_the_file() -> None:
    secret = re.compile(r"(password|secret|token|fernet_key|api_key)$", re.IGNORECASE)
    for name, service in raw()["services"].items():
        for variable, value in service.get("environment", {}).items():
            if secret.search(variable):
                # Needed, or none unless it is set.
                assert re.fullmatch(r"\$\{\w+:(\?run deploy/docker/make-env|-)\}", str(value)), f"{name}: {variable}"
    for url in re.findall(r"\w+://[^/\s]*:([^/\s@]+)@", FILE.read_text()):
        assert url.startswith("${"), url
    for value in re.findall(r'"password": "([^"]*)"', FILE.read_text()):
        assert value.startswith("${"), value


def test_without_its_secrets_the_file_says_what_to_run() -> None:
    with pytest.raises(KeyError, match="run deploy/docker/make-env"):
        interpolated(raw(), {})


def test_the_env_file_holds_every_required_variable_and_is_private(tmp_path) -> None:
    made = tmp_path / "env"
    subprocess.run([ROOT / "deploy/docker/make-env", made], check=True, capture_output=True)
    assert made.stat().st_mode & 0o777 == 0o600
    lines = [line.split("=", 1) for line in made.read_text().splitlines() if line and not line.startswith("#")]
    values = dict(lines)
    assert required_variables() <= values.keys()
    secrets = [values[name] for name in required_variables()]
    assert len(set(secrets)) == len(secrets)
    # They stand in addresses: none may hold what an address would read as its own.
    assert all(re.fullmatch(r"[0-9A-Za-z_=-]{40,}", secret) for secret in secrets)
    assert interpolated(raw(), values)["services"]["storage-api"]["environment"]["ANSWERLOOP_API_TOKEN"] == values["ANSWERLOOP_API_TOKEN"]


def test_an_env_file_that_is_there_is_kept_and_gets_what_an_older_version_did_not_write(tmp_path) -> None:
    made = tmp_path / "env"
    subprocess.run([ROOT / "deploy/docker/make-env", made], check=True, capture_output=True)
    complete = made.read_text()
    older = "".join(line for line in complete.splitlines(keepends=True) if not re.match("POSTGRES_(APP|REPORTS)_PASSWORD=", line))
    made.write_text(older)
    for said in ("added: POSTGRES_APP_PASSWORD POSTGRES_REPORTS_PASSWORD", "stays as it is"):
        done = subprocess.run([ROOT / "deploy/docker/make-env", made], check=True, capture_output=True, text=True)
        assert said in done.stdout
    assert made.read_text().startswith(older)
    assert [line.split("=")[0] for line in made.read_text().splitlines()].count("POSTGRES_PASSWORD") == 1
    assert required_variables() <= {line.split("=")[0] for line in made.read_text().splitlines()}
    assert made.stat().st_mode & 0o777 == 0o600


def test_the_env_file_is_kept_out_of_git_and_of_images() -> None:
    ignored = subprocess.run(["git", "check-ignore", "-q", ".env"], cwd=ROOT)
    assert ignored.returncode == 0
    assert "**/.env" in (ROOT / ".dockerignore").read_text().splitlines()
