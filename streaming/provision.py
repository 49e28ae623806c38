"""Topics and tables as the loop needs them. Idempotent: `make up`, the compose file and the `provision` DAG run the same function."""

import logging
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import psycopg2
from psycopg2 import errors as pg
from psycopg2.extensions import connection, parse_dsn
from yoyo import get_backend, read_migrations

from streaming.errors import ConfigurationError
from streaming.kafka.admin import Drift, KafkaAdmin
from streaming.postgres.connect import connect
from streaming.postgres.login import connect_failure
from streaming.settings import Settings
from streaming.topics import TOPICS

log = logging.getLogger(__name__)

SQL = Path(__file__).parent.parent / "sql"
MIGRATIONS = SQL / "migrations"
OWNER_SETTING = "ANSWERLOOP_MIGRATION_DATABASE_URL, or else ANSWERLOOP_DATABASE_URL"
# What a login may do, a file each, named after it.
GRANTS = SQL / "grants"
# A migration may rewrite a table that has grown large.
STATEMENT_S = 3600.0


@dataclass(frozen=True)
class Provisioned:
    """What a provisioning did and found."""

    topics_created: list[str]
    repaired: list[Drift]
    drift: list[Drift]
    migrations_applied: list[str]
    logins_granted: list[str]


def provision(settings: Settings) -> Provisioned:
    """Create missing topics, apply missing migrations, say what logins may do, repair what would lose records, report what else differs.

    Raises Unreachable, ConfigurationError.
    """
    migrations, logins = migrate(settings.owner_url)
    admin = KafkaAdmin(settings.kafka_bootstrap, settings.kafka_login)
    created = admin.create(TOPICS, settings.replication_factor)
    differing = admin.drift(TOPICS)
    repaired = admin.repair(differing)
    for each in repaired:
        log.warning("set as declared: %s", each)
    drift = [each for each in differing if each not in repaired]
    for each in drift:
        log.warning("drift: %s", each)
    return Provisioned(created, repaired, drift, migrations, logins)


def migrate(owner_url: str) -> tuple[list[str], list[str]]:
    """Apply the migrations that the database lacks, then the grants; returns the names of the migrations and of the logins granted.

    Raises Unreachable, LoginRefused, or ConfigurationError for a login that does not own the tables.
    """
    try:
        # Opened before the migration tool opens its own: whoever is away or refused says so here, and within seconds.
        with closing(connect(owner_url, STATEMENT_S, OWNER_SETTING)) as database:
            backend = get_backend(owner_url)
            backend.execute(f"SET statement_timeout = '{STATEMENT_S:.0f}s'")
            with backend.lock(timeout=30):
                missing = backend.to_apply(read_migrations(str(MIGRATIONS)))
                names = [migration.id for migration in missing]
                backend.apply_migrations(missing)
                return names, _grant(database)
    except pg.InsufficientPrivilege as err:
        cure = "set ANSWERLOOP_MIGRATION_DATABASE_URL to the address of their owner"
        raise ConfigurationError(f"This login may not change tables ({str(err).splitlines()[0]}): {cure}") from err
    except psycopg2.OperationalError as err:
        raise connect_failure(err, parse_dsn(owner_url), OWNER_SETTING) from err


def _grant(database: connection) -> list[str]:
    """To each login that the server has. Where it has none of them, the owner's serves for everything."""
    files = {file.stem: file for file in sorted(GRANTS.glob("*.sql"))}
    with database, database.cursor() as cursor:
        cursor.execute("SELECT rolname FROM pg_roles WHERE rolname = ANY(%s) ORDER BY 1", (list(files),))
        found = [name for (name,) in cursor.fetchall()]
        for name in found:
            cursor.execute(files[name].read_text())
    return found
