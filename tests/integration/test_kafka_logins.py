"""A Kafka in which services log in: each does what it needs and nothing else. A broker of the tests' own, beside the stack's."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from confluent_kafka import admin as ck_admin

from deploy.local import health, render, stack
from deploy.local.programs import kafka_java
from streaming import access
from streaming.access import AIRFLOW, OBSERVERS, SAMPLER, WRITTEN_BY
from streaming.errors import ClientFailed, ConfigurationError, Unreachable
from streaming.kafka import positions as kafka_positions
from streaming.kafka.acls import TOPIC, WRITE, Rule
from streaming.kafka.admin import KafkaAdmin
from streaming.kafka.client import TopicPartition
from streaming.kafka.confluent import KafkaConsumer
from streaming.kafka.positions import KafkaPositions
from streaming.kafka.producer import KafkaProducer
from streaming.settings import Settings
from streaming.topics import CONSUMED_BY, LLM_CONSUMER, PENDING, STORAGE_PERSISTER, SUCCESS, TOPICS, VALIDATED
from tests.stack import ROOT, until

pytestmark = pytest.mark.integration

PASSWORD = 'it\'s "odd" \\ and 50%'
STARTS_WITHIN_S = 60
SENT_WITHIN_S = 10.0


def settings(bootstrap: str, login: str, password: str = PASSWORD) -> Settings:
    """Those of a process that logs in."""
    return Settings(**variables(bootstrap, login, password))


def variables(bootstrap: str, login: str, password: str = PASSWORD) -> dict[str, Any]:
    return {
        "kafka_bootstrap": bootstrap,
        "kafka_security_protocol": "SASL_PLAINTEXT",
        "kafka_sasl_username": login,
        "kafka_sasl_password": password,
    }


def free_ports(count: int) -> list[int]:
    with ExitStack() as held:
        return [held.enter_context(socket.create_server(("127.0.0.1", 0))).getsockname()[1] for _ in range(count)]


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a broker that knows every login and lets the administrator alone do anything."""
    folder, places = tmp_path_factory.mktemp("kafka"), stack.recorded(os.environ).places
    port, internal, controller = free_ports(3)
    ports = {"port": port, "internal_port": internal, "controller_port": controller, "data": folder / "data"}
    properties = folder / "server.properties"
    properties.write_text(render.fill("kafka/server.properties", ports) + render.fill("kafka/logins.properties", ports))
    format_it = kafka_java(places, "kafka.tools.StorageTool", "format", "-t", str(uuid4()), "-c", str(properties))
    subprocess.run(format_it, check=True, capture_output=True, timeout=60)
    log = folder / "log"
    with log.open("w") as out:
        java, *arguments = kafka_java(places, "kafka.Kafka", str(properties))
        server = subprocess.Popen([java, "-XX:TieredStopAtLevel=1", *arguments], stdout=out, stderr=out, cwd=folder)
    try:
        # Who reaches the brokers' own listener is an administrator: from there the users are made.
        inside = f"127.0.0.1:{internal}"
        until(lambda: answers(inside, server, log), "the broker answers", STARTS_WITHIN_S)
        users(inside, ["admin", *{*WRITTEN_BY, *OBSERVERS}])
        yield f"127.0.0.1:{port}"
    finally:
        server.kill()
        server.wait(20)


def answers(bootstrap: str, server: "subprocess.Popen[bytes]", log: Path) -> bool:
    assert server.poll() is None, log.read_text()[-3000:]
    try:
        health.kafka(bootstrap)
    except Unreachable:
        return False
    return True


def users(bootstrap: str, names: list[str]) -> None:
    credential = ck_admin.ScramCredentialInfo(ck_admin.ScramMechanism.SCRAM_SHA_512, 4096)
    wanted = [ck_admin.UserScramCredentialUpsertion(name, credential, PASSWORD.encode()) for name in names]
    admin = ck_admin.AdminClient({"bootstrap.servers": bootstrap})
    for made in admin.alter_user_scram_credentials(wanted).values():
        made.result(30)


@pytest.fixture(scope="module")
def provisioned(broker: str) -> str:
    """The broker with the loop's topics and the rules of its services."""
    as_admin = settings(broker, "admin")
    KafkaAdmin(broker, as_admin.kafka_login).create(TOPICS, 1)
    assert set(access.grant(as_admin).allowed) == access.rules()
    return broker


@asynccontextmanager
async def producer(bootstrap: str, login: str, password: str = PASSWORD):
    opened = KafkaProducer(bootstrap, SENT_WITHIN_S, settings(bootstrap, login, password).kafka_login)
    yield opened
    await opened.close()


async def read(bootstrap: str, login: str, group: str, topic: str) -> list[bytes | None]:
    """The first records that a member of the group is given; none after a while."""
    consumer = KafkaConsumer(bootstrap, group, settings(bootstrap, login).kafka_login)

    async def noted(_: object) -> Mapping[Any, Any]:
        return {}

    try:
        await consumer.subscribe([topic], noted, noted, noted)  # type: ignore[arg-type]
        for _ in range(100):
            if found := await consumer.fetch(10, 0.2):
                return [record.value for record in found]
        return []
    finally:
        await consumer.close()


@pytest.mark.parametrize("login", WRITTEN_BY)
async def test_a_service_sends_where_it_needs_to_and_nowhere_else(provisioned: str, login: str) -> None:
    async with producer(provisioned, login) as sender:
        for topic in WRITTEN_BY[login]:
            assert (await sender.send(topic, "key", login.encode())).topic == topic
        for spec in TOPICS:
            if spec.name not in WRITTEN_BY[login]:
                with pytest.raises(ClientFailed, match=r"authorization failed"):
                    await sender.send(spec.name, "key", b"value")


async def test_a_service_reads_as_its_own_group_what_is_its_own(provisioned: str) -> None:
    async with producer(provisioned, "storage_api") as sender:
        await sender.send(PENDING, "key", b"a question")
    assert b"a question" in await read(provisioned, LLM_CONSUMER, LLM_CONSUMER, PENDING)
    for group, topic in ((STORAGE_PERSISTER, PENDING), (LLM_CONSUMER, VALIDATED)):
        with pytest.raises(ClientFailed, match=r"authorization failed"):
            await read(provisioned, LLM_CONSUMER, group, topic)


@pytest.mark.parametrize("login", OBSERVERS)
def test_who_watches_sees_how_far_every_group_is(provisioned: str, login: str) -> None:
    watcher = KafkaPositions(provisioned, settings(provisioned, login).kafka_login)
    for group, consumed in CONSUMED_BY.items():
        logs = watcher.logs(consumed)
        assert watcher.positions(group, logs.keys()).keys() == logs.keys()


async def test_who_watches_changes_nothing(provisioned: str) -> None:
    watcher = KafkaAdmin(provisioned, settings(provisioned, SAMPLER).kafka_login)
    for change in (lambda: watcher.delete([SUCCESS]), lambda: watcher.set_rules([Rule(AIRFLOW, TOPIC, SUCCESS, WRITE)])):
        with pytest.raises(ConfigurationError, match=r"does not allow this to the login that asks: \w+_AUTHORIZATION_FAILED"):
            change()
    async with producer(provisioned, AIRFLOW) as sender:
        with pytest.raises(ClientFailed):
            await sender.send(PENDING, "key", b"value")


def test_to_grant_again_changes_nothing_and_takes_what_is_beyond_the_table(provisioned: str) -> None:
    as_admin = settings(provisioned, "admin")
    beyond = Rule(LLM_CONSUMER, TOPIC, VALIDATED, WRITE)
    KafkaAdmin(provisioned, as_admin.kafka_login).set_rules([*access.rules(), beyond])
    granted = access.grant(as_admin)
    assert (granted.allowed, granted.no_longer) == ([], [beyond])
    assert (access.grant(as_admin).allowed, access.grant(as_admin).no_longer) == ([], [])


async def test_a_wrong_password_is_a_mistake_of_the_configuration_whoever_logs_in(
    provisioned: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kafka_positions, "DEADLINE_S", 3.0)
    wrong = settings(provisioned, LLM_CONSUMER, "wrong-password")
    async with producer(provisioned, LLM_CONSUMER, "wrong-password") as sender:
        with pytest.raises(ConfigurationError, match="ANSWERLOOP_KAFKA_SASL_PASSWORD"):
            await sender.send(SUCCESS, "key", b"value")
    with pytest.raises(ConfigurationError, match="ANSWERLOOP_KAFKA_SASL_PASSWORD"):
        KafkaPositions(provisioned, wrong.kafka_login).positions(LLM_CONSUMER, [TopicPartition(PENDING, 0)])


def test_a_service_with_a_wrong_password_ends_with_a_sentence_that_does_not_hold_it(provisioned: str) -> None:
    told = {f"ANSWERLOOP_{name.upper()}": value for name, value in variables(provisioned, LLM_CONSUMER, "wrong-password").items()}
    service = subprocess.run(
        [sys.executable, "-m", "streaming", "llm-consumer"],
        env={**os.environ, **told, "ANSWERLOOP_OPS_PORT": "0"},
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert service.returncode == 1
    said = " ".join(service.stderr.split())
    assert "ConfigurationError: Kafka refuses the login: correct ANSWERLOOP_KAFKA_SASL_USERNAME and ANSWERLOOP_KAFKA_SASL_PASSWORD" in said
    assert "Traceback" not in service.stderr
    assert "wrong-password" not in service.stderr + service.stdout
