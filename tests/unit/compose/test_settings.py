"""What containers are told, against what the programs in them take and what the local stack is told."""

import configparser
import json
import re
import tomllib

import pytest
import yaml
from cryptography.fernet import Fernet

from deploy.docker import airflow_config, flink_config
from deploy.local import airflow as local_airflow
from deploy.local.programs import flink_home
from streaming.services import BY_NAME
from streaming.settings import Settings
from streaming.storage.api import check_address
from tests.unit.compose.project import ROOT, SECRET, environment, raw, services, target

LOCAL = ROOT / "deploy" / "local"
PORTS = tomllib.loads((LOCAL / "ports.toml").read_text())
OURS = [name for name in services() if target(name) in ("services", "flink", "airflow")]
# Not for a container to choose: what the network, the images or one broker decide, and what fault runs of the local stack use.
FIXED = {"replication_factor", "failpoints", "simulator_calls"}


def properties(path: str) -> dict[str, str]:
    lines = (LOCAL / path).read_text().splitlines()
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


@pytest.mark.parametrize("name", services())
def test_every_answerloop_variable_is_a_setting(name: str) -> None:
    known = {f"ANSWERLOOP_{field.upper()}" for field in Settings.model_fields}
    assert {each for each in environment(name) if each.startswith("ANSWERLOOP_")} <= known


@pytest.mark.parametrize("name", OURS)
def test_the_settings_of_a_container_are_accepted(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for variable, value in environment(name).items():
        monkeypatch.setenv(variable, value)
    read = Settings()
    assert read.host == "0.0.0.0"
    assert read.kafka_bootstrap == "kafka:9092"


def test_every_setting_reaches_the_containers() -> None:
    told = {variable for name in OURS for variable in environment(name)}
    missing = {field for field in Settings.model_fields if f"ANSWERLOOP_{field.upper()}" not in told}
    assert missing == FIXED


def test_a_setting_of_the_env_file_is_passed_on_under_its_own_name() -> None:
    for name, service in raw()["services"].items():
        for variable, value in service.get("environment", {}).items():
            passed = re.fullmatch(r"\$\{(ANSWERLOOP_\w+):.*\}", str(value))
            assert passed is None or passed[1] == variable, f"{name}: {variable}"


def test_the_api_is_open_to_the_network_only_with_a_token(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable, value in environment("storage-api").items():
        monkeypatch.setenv(variable, value)
    check_address(Settings())
    users = [name for name in services() if name.startswith("airflow-")]
    assert all(environment(name)["ANSWERLOOP_API_TOKEN"] == SECRET for name in ["storage-api", *users])


def test_addresses_name_services_and_the_ports_they_listen_on() -> None:
    known = set(services()) | {"model"}
    listening = {
        "kafka": {9092},
        "postgres": {5432},
        "redis": {6379},
        "flink-jobmanager": {PORTS["flink"]},
        "storage-api": {8000},
        "model": {11434},
        "airflow-api-server": {airflow_config.PORT},
        **{name: {8100} for name in ("storage-persister", "llm-consumer", "retry-overload", "retry-quota", "job-submitter", "sampler")},
    }
    for name in OURS:
        for variable, value in environment(name).items():
            for host, port in re.findall(r"(?:^|//|@)([a-z][a-z-]+):(\d+)", value):
                assert host in known, f"{name}: {variable}={value}"
                assert int(port) in listening[host], f"{name}: {variable}={value}"
            if variable.startswith("AIRFLOW_CONN_") and "port" in (fields := json.loads(value)):
                assert fields["port"] in listening[fields["host"]], variable


def test_the_sampler_is_told_of_every_service_under_its_name_and_of_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable, value in environment("sampler").items():
        monkeypatch.setenv(variable, value)
    assert Settings().sampler_targets.keys() == BY_NAME.keys()
    assert environment("sampler")["ANSWERLOOP_API_TOKEN"] == SECRET


def test_kafka_is_configured_as_in_the_local_stack() -> None:
    told = {
        name.removeprefix("KAFKA_").lower().replace("_", "."): value
        for name, value in environment("kafka").items()
        if name != "KAFKA_HEAP_OPTS"
    }
    local = properties("kafka/server.properties")
    addresses = {"controller.quorum.voters", "listeners", "advertised.listeners", "listener.security.protocol.map", "log.dirs"}
    assert told.keys() == local.keys()
    assert {name: value for name, value in told.items() if name not in addresses} == {
        name: value for name, value in local.items() if name not in addresses
    }
    pom = (LOCAL / "kafka" / "pom.xml").read_text()
    version = re.search(r"kafka_2.13</artifactId>\s*<version>([\d.]+)<", pom)
    assert version is not None
    assert services()["kafka"]["image"] == f"apache/kafka:{version[1]}"


def test_kafka_has_a_listener_for_the_network_and_one_for_the_host() -> None:
    told = environment("kafka")
    advertised = dict(each.split("://") for each in told["KAFKA_ADVERTISED_LISTENERS"].split(","))
    listening = dict(each.split("://") for each in told["KAFKA_LISTENERS"].split(","))
    assert advertised["BROKER"] == environment("llm-consumer")["ANSWERLOOP_KAFKA_BOOTSTRAP"]
    port = advertised["HOST"].removeprefix("127.0.0.1:")
    assert listening["HOST"] == f"0.0.0.0:{port}"
    assert services()["kafka"]["ports"] == [f"127.0.0.1:{port}:{port}"]
    assert "CONTROLLER" not in advertised


def test_postgresql_is_configured_as_in_the_local_stack() -> None:
    lines = (LOCAL / "postgres" / "postgresql.conf").read_text().splitlines()
    local = dict(line.split(" = ", 1) for line in lines if line and not line.startswith("#"))
    told = dict(word.removeprefix("-c").split("=", 1) for word in services()["postgres"]["command"][1:])
    of_the_place = {"listen_addresses", "port", "unix_socket_directories"}
    assert told == {name: value.strip("'") for name, value in local.items() if name not in of_the_place}


def test_each_container_has_the_login_of_postgresql_that_it_needs_and_no_other() -> None:
    logins = {
        name: {login for value in environment(name).values() for login in re.findall(r"postgresql://(\w+):|\"login\": \"(\w+)\"", value)}
        for name in OURS
    }
    found = {name: {part for pair in pairs for part in pair if part} for name, pairs in logins.items()}
    assert found["provision"] == {"answerloop"}
    services_of_the_loop = [name for name in OURS if target(name) != "airflow" and name != "provision"]
    assert {login for name in services_of_the_loop for login in found[name]} == {"answerloop_app"}
    # Its DAG `provision` changes tables, its pages and reports read.
    assert found["airflow-scheduler"] == {"answerloop", "answerloop_app", "answerloop_reports"}


def test_the_model_servers_key_is_with_those_who_ask_it_and_with_nobody_else() -> None:
    told = {name for name in OURS if "ANSWERLOOP_MODEL_KEY" in environment(name)}
    assert told == {"llm-consumer", "storage-api", *(name for name in OURS if target(name) == "airflow")}


def test_redis_is_configured_as_in_the_local_stack() -> None:
    def settings(text: str) -> dict[str, str]:
        return dict(line.strip().split(" ", 1) for line in text.splitlines() if " " in line and not line.startswith(("#", "exec")))

    local = settings((LOCAL / "redis" / "redis.conf").read_text())
    told = settings(services()["redis"]["command"][2])
    of_the_place = {"bind", "port", "dir", "requirepass", "daemonize"}
    assert {k: v for k, v in told.items() if k not in of_the_place} == {k: v for k, v in local.items() if k not in of_the_place}
    assert told["requirepass"] == "$REDIS_PASSWORD"


def test_flink_is_configured_as_in_the_local_stack_but_for_addresses_and_metrics(tmp_path) -> None:
    checkpoints = tmp_path / "checkpoints"
    told = flink_config.config("b1c2d3", flink_home(), checkpoints, 5_000)
    local = yaml.safe_load((LOCAL / "flink" / "config.yaml").read_text())
    assert local.keys() <= told.keys()
    placeholders = {name for name, value in local.items() if "${" in str(value)}
    assert {name: value for name, value in told.items() if name in local.keys() - placeholders} == {
        name: value for name, value in local.items() if name not in placeholders
    }
    assert {name for name in told if name not in local} == {"metrics.reporter.prom.factory.class", "metrics.reporter.prom.port"}
    assert told["jobmanager.rpc.address"] == told["rest.address"] == "flink-jobmanager"
    assert told["taskmanager.host"] == "b1c2d3"
    assert {told[name] for name in told if name.endswith(("bind-host", "bind-address"))} == {"0.0.0.0"}
    assert told["execution.checkpointing.dir"] == f"file://{checkpoints}"
    assert "--add-opens" in told["env.java.opts.all"]
    # Prometheus collects the metrics from another container; nobody but the TaskManager's own workers needs theirs.
    for process in ("jobmanager", "taskmanager"):
        assert f"-javaagent:{flink_config.GUARD_JAR}=workers" in told[f"env.java.opts.{process}"].split()
    assert not [name for name, value in told.items() if "${" in str(value)]


def test_flink_has_the_prometheus_reporter() -> None:
    assert list((flink_home() / "plugins" / "metrics-prometheus").glob("*.jar"))


def test_checkpoints_are_seen_by_whoever_writes_and_whoever_restores_them() -> None:
    for name in ("flink-jobmanager", "flink-taskmanager", "job-submitter"):
        folder = environment(name)["ANSWERLOOP_CHECKPOINT_DIR"]
        assert f"flink-checkpoints:{folder}" in services()[name]["volumes"]


def test_airflow_is_configured_as_in_the_local_stack_but_for_addresses(tmp_path) -> None:
    environ = dict.fromkeys(("AIRFLOW_PASSWORD", "AIRFLOW_DATABASE_PASSWORD", "AIRFLOW_JWT_SECRET", "AIRFLOW_SECRET_KEY"), SECRET) | {
        "AIRFLOW_FERNET_KEY": Fernet.generate_key().decode()
    }
    airflow_config.write(tmp_path, environ)
    told, local = configparser.RawConfigParser(), configparser.RawConfigParser()
    told.read(tmp_path / "airflow.cfg")
    local.read(LOCAL / "airflow" / "airflow.cfg")
    assert told.sections() == local.sections()
    for section in local.sections():
        assert told[section].keys() == local[section].keys()
        plain = {name: value for name, value in local[section].items() if "${" not in value}
        assert {name: told[section][name] for name in plain} == plain
    assert told["database"]["sql_alchemy_conn"] == f"postgresql+psycopg2://airflow:{SECRET}@postgres:5432/airflow"
    assert told["core"]["execution_api_server_url"] == "http://airflow-api-server:8080/execution/"
    assert told["api"]["host"] == "0.0.0.0"
    assert told["core"]["parallelism"] == str(local_airflow.PARALLELISM)
    assert not any("${" in value for section in told.sections() for value in told[section].values())
    assert json.loads((tmp_path / "passwords.json").read_text()) == {local_airflow.USER: SECRET}
    assert all(file.stat().st_mode & 0o777 == 0o600 for file in tmp_path.iterdir())


def test_airflow_reaches_the_loop_through_the_same_connections_as_in_the_local_stack(tmp_path) -> None:
    from deploy.local import environment as local_environment
    from deploy.local import ports, private
    from deploy.local.places import places

    here = places({}, tmp_path, as_root=False)
    stack = local_environment.stack_environment({"ANSWERLOOP_API_TOKEN": "x"}, here, ports.load(0), private.Credentials(), 0)
    local = {name: value for name, value in local_airflow.environment(stack, here, ports.load(0)).items() if "_CONN_" in name}
    told = {name: value for name, value in environment("airflow-scheduler").items() if name.startswith("AIRFLOW_CONN_")}
    assert told.keys() == local.keys()
    for name in told:
        assert json.loads(told[name]).keys() == json.loads(local[name]).keys(), name
        assert json.loads(told[name])["conn_type"] == json.loads(local[name])["conn_type"]
