"""Where the loop is, from Airflow's connections."""

import json

import pytest
from psycopg2.extensions import parse_dsn

from answerloop_airflow.connections import LoopConnections, aloop_settings, loop_settings, owner_settings, reports_settings
from streaming.errors import ConfigurationError


def test_the_loops_addresses_come_from_the_connections() -> None:
    settings = loop_settings()
    assert settings.api_url == "http://127.0.0.1:1"
    assert settings.api_token.get_secret_value() == "token-of-the-api"
    assert settings.kafka_bootstrap == "127.0.0.1:4"


def test_a_password_with_awkward_characters_reaches_postgresql_as_it_is() -> None:
    dsn = parse_dsn(loop_settings().database_url)
    assert (dsn["host"], dsn["port"], dsn["user"], dsn["password"], dsn["dbname"]) == ("127.0.0.1", "5", "u", "p@ss/word", "db")


async def test_a_trigger_sees_the_same_addresses() -> None:
    assert await aloop_settings() == loop_settings()


def test_another_connection_leads_to_another_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_ELSEWHERE", json.dumps({"conn_type": "http", "schema": "https", "host": "loop.example"}))
    settings = loop_settings(LoopConnections(api="elsewhere"))
    assert settings.api_url == "https://loop.example"
    assert settings.api_token is None


@pytest.mark.parametrize(("of", "name"), [(owner_settings, "POSTGRES_OWNER"), (reports_settings, "POSTGRES_REPORTS")])
def test_another_login_of_postgresql_is_taken_where_there_is_one(monkeypatch: pytest.MonkeyPatch, of, name: str) -> None:
    assert of() == loop_settings()
    fields = {"conn_type": "postgres", "host": "127.0.0.1", "port": 5, "login": "other", "password": "p", "schema": "db"}
    monkeypatch.setenv(f"AIRFLOW_CONN_ANSWERLOOP_{name}", json.dumps(fields))
    monkeypatch.setenv("ANSWERLOOP_REPORTS_DATABASE_URL", "postgresql://elsewhere/db")
    for url in (of().database_url, of().owner_url, of().reader_url):
        assert parse_dsn(url)["user"] == "other"
    assert parse_dsn(loop_settings().database_url)["user"] == "u"


def test_a_login_of_kafka_is_that_of_the_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    login = {"security.protocol": "SASL_SSL", "sasl.mechanism": "PLAIN", "sasl.username": "airflow", "sasl.password": "p"}
    assert loop_settings().kafka_login == {}
    fields = {"conn_type": "kafka", "extra": {"bootstrap.servers": "127.0.0.1:4", **login}}
    monkeypatch.setenv("AIRFLOW_CONN_ANSWERLOOP_KAFKA", json.dumps(fields))
    assert loop_settings().kafka_login == login
    assert "password='p'" not in repr(loop_settings())


def test_a_kafka_connection_without_servers_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_ANSWERLOOP_KAFKA", json.dumps({"conn_type": "kafka", "extra": {}}))
    with pytest.raises(ConfigurationError, match=r"'answerloop_kafka' has no `bootstrap.servers`"):
        loop_settings()
