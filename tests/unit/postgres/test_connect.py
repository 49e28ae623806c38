"""Whoever connects to PostgreSQL gives each of its waits an end, and says the same of the same error."""

import asyncio
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import psycopg2
import pytest
from psycopg2 import errors as pg

from answerloop_airflow.pages import database as pages
from streaming import provision
from streaming.clock import ManualClock
from streaming.errors import AnswerloopError, ConfigurationError, RefusedByDatabase, TookTooLong, Unreachable
from streaming.postgres.connect import LOOK_UP_S, arguments, connected, transaction
from streaming.postgres.errors import meaning, translated
from streaming.simulator.corpus import CsvCorpus, DatabaseCorpus
from streaming.storage.database import Database
from streaming.storage.waiting import Listener, Waiters

URL = "postgresql://asker:TOPSECRET@db.example:5433/loop"


class Opened(Exception):
    """Ends a test once the connection is asked for."""


@pytest.mark.parametrize(
    "connecting",
    [
        lambda: asyncio.run(Database(URL, 1).run(lambda _: None)),
        lambda: connected(URL, LOOK_UP_S).__enter__(),
        lambda: transaction(URL, LOOK_UP_S).__enter__(),
        lambda: provision.migrate(URL),
        lambda: asyncio.run(Listener(URL, Waiters(), ManualClock(datetime(2026, 1, 1, tzinfo=UTC))).run()),
        lambda: asyncio.run(DatabaseCorpus(URL, CsvCorpus([])).reference("Why?")),
        lambda: pages.Database(URL).rows("SELECT 1"),
    ],
    ids=["services", "runs and reports", "sampler", "provisioning", "listener", "simulator", "pages"],
)
def test_every_connection_ends_its_statements_and_its_connect(connecting: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: dict[str, Any] = {}

    def connect(*_: Any, **given: Any) -> None:
        asked.update(given)
        raise Opened

    monkeypatch.setattr(psycopg2, "connect", connect)
    with suppress(Opened):
        connecting()
    assert "-c statement_timeout=" in asked["options"]
    assert "-c timezone=UTC" in asked["options"]
    assert asked["connect_timeout"] == 3


def test_a_callers_own_options_win_over_those_of_the_address() -> None:
    given = arguments(
        f"{URL}?options=-csearch_path%3Dmine%20-cdefault_transaction_read_only%3Doff", 5.0, options="-c default_transaction_read_only=on"
    )
    assert given["options"].endswith("-csearch_path=mine -cdefault_transaction_read_only=off -c default_transaction_read_only=on")
    assert "statement_timeout=5000" in given["options"]


@pytest.mark.parametrize(
    ("error", "kind", "words"),
    [
        (pg.UndefinedTable, ConfigurationError, "provision"),
        (pg.InsufficientPrivilege, ConfigurationError, "provision"),
        (pg.QueryCanceled, TookTooLong, "at its timeout"),
        (pg.AdminShutdown, Unreachable, "make up"),
        (psycopg2.InterfaceError, Unreachable, "make up"),
        (pg.UniqueViolation, RefusedByDatabase, "said"),
        (pg.NumericValueOutOfRange, RefusedByDatabase, "said"),
    ],
)
def test_what_follows_from_an_error_is_told_with_its_first_line(
    error: type[psycopg2.Error], kind: type[AnswerloopError], words: str
) -> None:
    with pytest.raises(kind, match=words) as failure, translated():
        raise error("what it said\nLINE 1: SELECT")
    assert "what it said" in str(failure.value)
    assert "LINE" not in str(failure.value)


def test_a_wrong_statement_stays_the_error_that_it_is() -> None:
    assert meaning(pg.SyntaxError("at or near")) is None
    with pytest.raises(pg.SyntaxError), translated():
        raise pg.SyntaxError("at or near")
