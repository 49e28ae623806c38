import traceback

import pytest

from streaming import settings
from streaming.errors import ConfigurationError


@pytest.fixture(autouse=True)
def read_anew() -> None:
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
    ],
)
def test_a_bad_address_is_named_without_its_password(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
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
