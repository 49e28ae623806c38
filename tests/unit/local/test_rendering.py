"""The settings files as the components read them."""

import configparser
import json
import stat
from dataclasses import fields, replace
from pathlib import Path

import pytest
import yaml
from supervisor.datatypes import dict_of_key_value_pairs

from deploy.local import airflow, environment, ports, private, prometheus, render
from deploy.local.places import ROOT, Places, places
from deploy.local.programs import Program, flink_home, start_order
from deploy.local.stack import Stack
from streaming.settings import Settings
from streaming.topics import MAX_MESSAGE_BYTES


@pytest.fixture
def stack(tmp_path: Path) -> Stack:
    user = {"ANSWERLOOP_STATE_DIR": str(tmp_path / "state"), "ANSWERLOOP_PORT_OFFSET": "10000"}
    here = places(user, ROOT, as_root=False)
    here.claim()
    kept = private.credentials(here.credentials)
    numbers = ports.load(10_000)
    variables = environment.stack_environment(user, here, numbers, kept, 10_000)
    connections = airflow.environment(variables, here, numbers)
    everything = environment.process_environment({}, variables, here)
    return Stack(here, numbers, kept, variables, connections, everything)


@pytest.fixture
def monitored(stack: Stack) -> Stack:
    """The stack of a machine where Prometheus is installed."""
    return replace(stack, environment={**stack.environment, environment.PROMETHEUS_URL: "http://127.0.0.1:19190"})


@pytest.fixture
def written(stack: Stack) -> Places:
    programs = [program for group in start_order(stack) for program in group]
    render.write_all(stack, programs, Settings(checkpoint_interval_ms=1234), flink_home())
    return stack.places


def properties(path: Path) -> dict[str, str]:
    return dict(line.split("=", 1) for line in path.read_text().splitlines() if "=" in line and not line.startswith("#"))


def supervised(here: Places) -> configparser.RawConfigParser:
    config = configparser.RawConfigParser()
    config.read(here.state / "supervisord.conf")
    return config


def test_every_component_listens_on_loopback_at_the_shifted_port(written: Places) -> None:
    kafka = properties(written.kafka / "server.properties")
    assert kafka["listeners"] == "BROKER://127.0.0.1:19092,CONTROLLER://127.0.0.1:19093"
    redis = (written.redis / "redis.conf").read_text()
    assert "bind 127.0.0.1\n" in redis
    assert "port 16389\n" in redis
    postgresql = (written.postgres / "postgresql.conf").read_text()
    assert "listen_addresses = '127.0.0.1'" in postgresql
    assert "port = 15442" in postgresql
    flink = yaml.safe_load((written.flink / "conf" / "config.yaml").read_text())
    assert flink["rest.bind-address"] == flink["taskmanager.bind-host"] == flink["jobmanager.bind-host"] == "127.0.0.1"
    assert flink["rest.port"] == 18081


def test_kafka_makes_no_topic_by_itself_and_takes_our_largest_message(written: Places) -> None:
    kafka = properties(written.kafka / "server.properties")
    assert kafka["auto.create.topics.enable"] == "false"
    assert int(kafka["message.max.bytes"]) > MAX_MESSAGE_BYTES
    assert kafka["offsets.topic.replication.factor"] == "1"


def test_flink_keeps_the_shipped_java_options_and_its_checkpoints(written: Places) -> None:
    flink = yaml.safe_load((written.flink / "conf" / "config.yaml").read_text())
    assert "--add-opens=java.base/java.util=ALL-UNNAMED" in flink["env.java.opts.all"]
    assert flink["execution.checkpointing.externalized-checkpoint-retention"] == "RETAIN_ON_CANCELLATION"
    assert flink["execution.checkpointing.dir"] == f"file://{written.checkpoints}"
    assert flink["execution.checkpointing.interval"] == "1234 ms"
    assert flink["python.executable"] == str(written.python)


def test_both_of_flinks_processes_are_guarded(written: Places) -> None:
    flink = yaml.safe_load((written.flink / "conf" / "config.yaml").read_text())
    for process in ("jobmanager", "taskmanager"):
        assert f"-javaagent:{written.guard_jar}=workers,metrics" in flink[f"env.java.opts.{process}"].split()


def test_no_file_with_a_secret_is_readable_by_others(written: Places, stack: Stack) -> None:
    secrets = (stack.credentials.postgres_superuser, stack.credentials.postgres_answerloop, stack.credentials.redis)
    holding = [path for path in written.state.rglob("*") if path.is_file() and any(secret in path.read_text() for secret in secrets)]
    assert written.env_file in holding
    assert all(stat.S_IMODE(path.stat().st_mode) == 0o600 for path in holding)


def test_what_dies_is_started_again_and_nothing_starts_before_its_turn(written: Places, stack: Stack) -> None:
    config = supervised(written)
    programs = [section for section in config.sections() if section.startswith("program:")]
    assert len(programs) == sum(len(group) for group in start_order(stack))
    assert {config[section]["autorestart"] for section in programs} == {"true"}
    assert {config[section]["autostart"] for section in programs} == {"false"}


def test_postgresql_alone_handles_its_childrens_signals(written: Places) -> None:
    config = supervised(written)
    assert config["program:postgres"]["stopasgroup"] == "false"
    assert config["program:postgres"]["stopsignal"] == "INT"
    assert config["program:storage-persister"]["stopasgroup"] == "true"


def test_each_consumer_has_an_ops_port_of_its_own(written: Places) -> None:
    config = supervised(written)
    told = [config[section]["environment"] for section in config.sections() if "OPS_PORT" in config[section].get("environment", "")]
    assert len(set(told)) == len(told) == sum(field.name.startswith("ops_") for field in fields(ports.Ports))


def test_no_two_programs_share_a_port(monitored: Stack) -> None:
    numbers = [port for group in start_order(monitored) for program in group for port in program.ports]
    assert len(set(numbers)) == len(numbers)


def test_words_of_a_command_survive_supervisords_reading(stack: Stack) -> None:
    odd = Program(name="odd", command=("echo", "two words", "50%"), address="", ports=(), alive=lambda: None, ready=lambda: None)
    text = render.supervisord(stack.places, [odd])
    assert "command = echo 'two words' 50%%" in text


def test_what_a_programs_variables_hold_survives_supervisords_reading(stack: Stack) -> None:
    told = airflow.environment({**stack.environment, "ANSWERLOOP_API_TOKEN": 'it\'s 100%; #1, "x"'}, stack.places, stack.ports)
    odd = Program(name="odd", command=("true",), address="", ports=(), alive=lambda: None, ready=lambda: None, environment=told)
    config = configparser.RawConfigParser(inline_comment_prefixes=(";", "#"))
    config.read_string(render.supervisord(stack.places, [odd]))
    read = dict_of_key_value_pairs(config["program:odd"]["environment"] % {})
    assert read == told
    assert json.loads(read["AIRFLOW_CONN_ANSWERLOOP_API"])["password"] == 'it\'s 100%; #1, "x"'


def test_airflow_alone_has_the_logins_that_change_tables_and_write_reports(stack: Stack) -> None:
    secrets = (stack.credentials.postgres_answerloop, stack.credentials.postgres_reports)
    for program in named(stack).values():
        variables = "\n".join([*stack.process_environment.values(), *program.environment.values()])
        has = [secret in variables for secret in secrets]
        assert has == [program.name.startswith("airflow-")] * 2, program.name
    assert all(secret in "\n".join(stack.environment.values()) for secret in secrets), "a person's shell has them"


def named(stack: Stack) -> dict[str, Program]:
    return {program.name: program for group in start_order(stack) for program in group}


def test_prometheus_collects_from_every_program_that_shows_metrics(monitored: Stack) -> None:
    jobs = {job["job_name"]: job for job in yaml.safe_load(prometheus.config(monitored))["scrape_configs"]}
    programs = named(monitored)
    for name, job in jobs.items():
        ((target,),) = [each["targets"] for each in job["static_configs"]]
        host, port = target.split(":")
        assert host == "127.0.0.1"
        assert int(port) in programs[name].ports
    showing = {name for name, program in programs.items() if "ANSWERLOOP_OPS_PORT" in program.environment}
    assert jobs.keys() == showing | {"storage-api", "flink-jobmanager", "flink-taskmanager"}


def test_prometheus_judges_by_the_rules_of_the_containers_and_keeps_little(monitored: Stack) -> None:
    (rules,) = yaml.safe_load(prometheus.config(monitored))["rule_files"]
    assert Path(rules) == ROOT / "deploy/prometheus/rules.yml"
    command = named(monitored)["prometheus"].command
    assert "--web.listen-address=127.0.0.1:19190" in command
    assert {"--storage.tsdb.retention.time=2d", "--storage.tsdb.retention.size=512MB"} <= set(command)


def test_prometheus_shows_the_api_its_token_where_it_has_one(monitored: Stack) -> None:
    assert "authorization" not in prometheus.config(monitored)
    guarded = replace(monitored, environment={**monitored.environment, "ANSWERLOOP_API_TOKEN": "s3cret"})
    (told,) = [job["authorization"] for job in yaml.safe_load(prometheus.config(guarded))["scrape_configs"] if "authorization" in job]
    assert told == {"type": "Bearer", "credentials": "s3cret"}


def test_without_prometheus_flink_opens_no_port_for_it(stack: Stack, monitored: Stack) -> None:
    assert "prometheus" not in named(stack)
    for name, port in (("flink-jobmanager", 19249), ("flink-taskmanager", 19250)):
        assert port not in named(stack)[name].ports
        assert port in named(monitored)[name].ports
        assert named(monitored)[name].command == named(stack)[name].command + prometheus.flink_reporter(port)
