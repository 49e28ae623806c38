"""What each login of PostgreSQL may do, and what the server refuses it."""

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from uuid import uuid4

import psycopg2
import pytest
from psycopg2 import errors as pg
from psycopg2.extensions import connection

from streaming import settings
from streaming.errors import ConfigurationError
from streaming.figures.queries import gather, snapshot
from streaming.figures.scope import covered
from streaming.postgres.connect import connected
from streaming.provision import migrate
from streaming.sampler import store
from tests.integration.report_rows import DAY

pytestmark = pytest.mark.integration

CHANGES_TABLES = [
    "ALTER TABLE questions ADD COLUMN mine text",
    "ALTER TABLE answers OWNER TO CURRENT_USER",
    "DROP TABLE answers",
    "TRUNCATE attempts",
    "CREATE TABLE mine (mine text)",
    "CREATE INDEX ON questions (status)",
    "CREATE SCHEMA mine",
    "DROP INDEX questions_by_run",
    "SELECT 1 FROM _yoyo_migration",
]
CHANGES_WHAT_HAPPENED = [
    "DELETE FROM questions",
    "DELETE FROM metric_reports",
    "UPDATE attempts SET bert_score = 1",
    "UPDATE answers SET bert_score = 1",
    "DELETE FROM kafka_samples_hourly",
]
WRITES = [
    "INSERT INTO questions (question_id) VALUES (gen_random_uuid())",
    "UPDATE questions SET status = 'failed'",
    "DELETE FROM kafka_samples",
    "INSERT INTO traffic_runs (run_id) VALUES ('mine')",
    "INSERT INTO flink_samples (time, metric, value) VALUES (now(), 'mine', 1)",
]
KEEP_A_REPORT = """
INSERT INTO metric_reports (kind, subject, since, until, simulated, report, created_at) VALUES ('day', %s, now(), now(), true, '{}', now())
ON CONFLICT (kind, subject) DO UPDATE SET report = excluded.report
"""


def services() -> str:
    return settings.load().database_url


def reports() -> str:
    return settings.load().reader_url


def try_out(url: str, statement: str, *parameters: object) -> None:
    """Run a statement of which nothing stays."""
    with closing(psycopg2.connect(url)) as database, database.cursor() as cursor:
        cursor.execute(statement, parameters)
        database.rollback()


@pytest.mark.parametrize("statement", [*CHANGES_TABLES, *CHANGES_WHAT_HAPPENED])
def test_a_service_changes_no_table_and_nothing_that_has_happened(statement: str) -> None:
    with pytest.raises(pg.InsufficientPrivilege):
        try_out(services(), statement)


@pytest.mark.parametrize("statement", [*CHANGES_TABLES, *CHANGES_WHAT_HAPPENED, *WRITES])
def test_a_report_only_reads(statement: str) -> None:
    with pytest.raises(pg.InsufficientPrivilege):
        try_out(reports(), statement)


def test_a_report_reads_its_rows_and_is_kept() -> None:
    with closing(psycopg2.connect(reports())) as database, snapshot(database) as cursor:
        gather(cursor, covered(DAY))
    for _ in range(2):
        try_out(reports(), KEEP_A_REPORT, f"test-{uuid4()}")


def test_the_sampler_thins_out_what_is_old() -> None:
    with store.transaction(services()) as into:
        store.thin(into, datetime(2001, 1, 1, tzinfo=UTC))


@pytest.fixture
def later() -> Iterator[str]:
    """A table that the owner makes after the grants."""
    table = f"later_{uuid4().hex[:8]}"
    with closing(psycopg2.connect(settings.load().owner_url)) as owner, owner.cursor() as cursor:
        owner.autocommit = True
        cursor.execute(f"CREATE TABLE {table} (mine text)")
        yield table
        cursor.execute(f"DROP TABLE {table}")


def test_a_table_that_is_made_later_is_written_by_services_and_read_by_reports(later: str) -> None:
    try_out(services(), f"INSERT INTO {later} VALUES ('row')")
    try_out(reports(), f"SELECT * FROM {later}")
    with pytest.raises(pg.InsufficientPrivilege):
        try_out(reports(), f"INSERT INTO {later} VALUES ('row')")


def test_to_provision_takes_the_owner_and_says_which_setting_names_it() -> None:
    assert migrate(settings.load().owner_url) == ([], ["answerloop_app", "answerloop_reports"])
    with pytest.raises(ConfigurationError, match=r"may not change tables .*ANSWERLOOP_MIGRATION_DATABASE_URL"):
        migrate(services())


def test_what_a_command_may_not_do_is_told_with_the_cure() -> None:
    def write(database: connection) -> None:
        with database.cursor() as cursor:
            cursor.execute("DELETE FROM questions")

    with pytest.raises(ConfigurationError, match="run `python -m streaming provision`"), connected(reports()) as database:
        write(database)
