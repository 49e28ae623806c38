import traceback
from collections.abc import Iterator

import pytest

from streaming import settings
from streaming.errors import ConfigurationError


@pytest.fixture(autouse=True)
def read_anew() -> Iterator[None]:
    settings.load.cache_clear()
    yield
    settings.load.cache_clear()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ANSWERLOOP_DATABASE_URL", "postgresql+psycopg2://user:TOPSECRET@host/db"),
        ("ANSWERLOOP_DATABASE_URL", "mysql://user:TOP@SECRET@host/db"),
        ("ANSWERLOOP_MIGRATION_DATABASE_URL", "mysql://user:SECRET@host/db"),
        ("ANSWERLOOP_REPORTS_DATABASE_URL", "mysql://user:SECRET@host/db"),
        ("ANSWERLOOP_REDIS_URL", "http://:TOPSECRET@host:6379/0"),
        ("ANSWERLOOP_FLINK_URL", "ftp://TOPSECRET@host"),
        ("ANSWERLOOP_DATABASE_URL", "mysql://u:TOP/SECRET@h/db"),
        ("ANSWERLOOP_DATABASE_URL", "host=h password=SECRET"),
        ("ANSWERLOOP_DATABASE_URL", "mysql://h/db?password=SECRET"),
        ("ANSWERLOOP_REDIS_URL", "u:SECRET@host:6379"),
        ("ANSWERLOOP_MODEL_URL", "ftp://u:SECRET@host"),
        ("ANSWERLOOP_MODEL_KEY", "SECRET\n"),
        ("ANSWERLOOP_MODEL_KEY", "SECRET\u2026"),
    ],
)
def test_a_bad_address_or_key_is_named_without_its_secret(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(ConfigurationError) as caught:
        settings.load()
    assert name in str(caught.value)
    assert "SECRET" not in "".join(traceback.format_exception(caught.value))


def test_where_postgresql_has_one_login_it_serves_for_everything(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("MIGRATION_DATABASE_URL", "REPORTS_DATABASE_URL"):
        monkeypatch.delenv(f"ANSWERLOOP_{name}", raising=False)
    monkeypatch.setenv("ANSWERLOOP_DATABASE_URL", "postgresql://one@host/db")
    read = settings.load()
    assert read.owner_url == read.reader_url == "postgresql://one@host/db"


def log_in(monkeypatch: pytest.MonkeyPatch, **variables: str) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(f"ANSWERLOOP_KAFKA_{name}", value)


def test_a_login_of_kafka_lacks_nothing_or_what_it_lacks_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    log_in(monkeypatch, SECURITY_PROTOCOL="SASL_SSL", SASL_USERNAME="me")
    with pytest.raises(ConfigurationError, match=r"ANSWERLOOP_KAFKA_SASL_PASSWORD=\(not shown\): .*=SASL_SSL needs it") as caught:
        settings.load()
    assert "USERNAME" not in str(caught.value)


def test_a_login_of_kafka_is_given_to_its_clients_and_shown_to_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    assert settings.load().kafka_login == {}
    settings.load.cache_clear()
    log_in(monkeypatch, SECURITY_PROTOCOL="SASL_SSL", SASL_USERNAME="me", SASL_PASSWORD="TOPSECRET", SSL_CA_LOCATION="/ca.pem")
    read = settings.load()
    login = {"sasl.mechanism": "SCRAM-SHA-512", "sasl.username": "me", "sasl.password": "TOPSECRET"}
    assert read.kafka_login == {"security.protocol": "SASL_SSL", **login, "ssl.ca.location": "/ca.pem"}
    assert "TOPSECRET" not in repr(read)


def test_an_encrypted_connection_needs_no_login(monkeypatch: pytest.MonkeyPatch) -> None:
    log_in(monkeypatch, SECURITY_PROTOCOL="SSL")
    assert settings.load().kafka_login == {"security.protocol": "SSL"}


def test_the_address_of_the_model_server_has_two_names_of_which_the_newer_wins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ANSWERLOOP_MODEL_URL", raising=False)
    monkeypatch.setenv("ANSWERLOOP_OLLAMA_URL", "http://old:11434")
    assert settings.load().model_address == "http://old:11434"
    settings.load.cache_clear()
    monkeypatch.setenv("ANSWERLOOP_MODEL_URL", "http://new:8000/v1/")
    assert settings.load().model_address == "http://new:8000/v1"


def test_the_key_of_the_model_server_is_shown_to_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANSWERLOOP_MODEL_KEY", "TOPSECRET")
    read = settings.load()
    assert read.model_key is not None
    assert read.model_key.get_secret_value() == "TOPSECRET"
    assert "TOPSECRET" not in repr(read)
