"""Topics and tables as the loop needs them. Idempotent: `make up`, the compose file and the `provision` DAG run the same function."""

import logging
from dataclasses import dataclass
from pathlib import Path

import psycopg2
from psycopg2.extensions import parse_dsn
from yoyo import get_backend, read_migrations

from streaming.kafka.admin import Drift, KafkaAdmin
from streaming.login import connect_failure
from streaming.settings import Settings
from streaming.topics import TOPICS

log = logging.getLogger(__name__)

MIGRATIONS = Path(__file__).parent.parent / "sql" / "migrations"


@dataclass(frozen=True)
class Provisioned:
    """What a provisioning did and found."""

    topics_created: list[str]
    repaired: list[Drift]
    drift: list[Drift]
    migrations_applied: list[str]


def provision(settings: Settings) -> Provisioned:
    """Create missing topics, apply missing migrations, repair the settings that would lose records, report what else differs.

    Raises Unreachable, ConfigurationError.
    """
    migrations = migrate(settings.database_url)
    admin = KafkaAdmin(settings.kafka_bootstrap)
    created = admin.create(TOPICS, settings.replication_factor)
    differing = admin.drift(TOPICS)
    repaired = admin.repair(differing)
    for each in repaired:
        log.warning("set as declared: %s", each)
    drift = [each for each in differing if each not in repaired]
    for each in drift:
        log.warning("drift: %s", each)
    return Provisioned(created, repaired, drift, migrations)


def migrate(database_url: str) -> list[str]:
    """Apply the migrations of `sql/migrations` that the database lacks; returns their names. Raises Unreachable, LoginRefused."""
    try:
        backend = get_backend(database_url)
    except psycopg2.OperationalError as err:
        raise connect_failure(err, parse_dsn(database_url)) from err
    with backend.lock(timeout=30):
        missing = backend.to_apply(read_migrations(str(MIGRATIONS)))
        names = [migration.id for migration in missing]
        backend.apply_migrations(missing)
    return names
