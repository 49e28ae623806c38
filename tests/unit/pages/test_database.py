"""Pages say what a person must put right in Airflow's connection, and what passes by itself."""

from typing import Any

import psycopg2
import pytest

from answerloop_airflow.pages.database import Database
from streaming.errors import LoginRefused, Unreachable

FAILED = 'connection to server at "127.0.0.1", port 9 failed: '


@pytest.mark.parametrize(
    ("words", "kind"),
    [
        ('FATAL:  password authentication failed for user "asker"', LoginRefused),
        ("FATAL:  the database system is starting up", Unreachable),
    ],
)
def test_a_refused_login_is_told_from_a_server_that_is_away(words: str, kind: type[Exception], monkeypatch: pytest.MonkeyPatch) -> None:
    def connect(**_: Any) -> None:
        raise psycopg2.OperationalError(FAILED + words)

    monkeypatch.setattr(psycopg2, "connect", connect)
    database = Database("postgresql://asker:TOPSECRET@127.0.0.1:9/loop")
    with pytest.raises(kind) as told:
        database.rows("SELECT 1")
    assert "TOPSECRET" not in str(told.value)
