"""The project's tables in a schema of their own, on the real PostgreSQL."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote
from uuid import uuid4

import psycopg2

from streaming import settings

MIGRATIONS = Path(__file__).parents[2] / "sql" / "migrations"


@contextmanager
def private_tables() -> Iterator[str]:
    """The URL of a database in which the tables are empty; they are dropped at the end."""
    url = settings.load().owner_url
    schema = f"test_{uuid4().hex[:12]}"
    owner = psycopg2.connect(url)
    owner.autocommit = True
    try:
        with owner.cursor() as cursor:
            cursor.execute(f"CREATE SCHEMA {schema}")
            cursor.execute(f"SET search_path = {schema}")
            for migration in sorted(MIGRATIONS.glob("*.sql")):
                if not migration.name.endswith(".rollback.sql"):
                    cursor.execute(migration.read_text())
        yield f"{url}{'&' if '?' in url else '?'}options={quote(f'-c search_path={schema} -c timezone=UTC')}"
    finally:
        with owner.cursor() as cursor:
            cursor.execute(f"DROP SCHEMA IF EXISTS {schema} CASCADE")
        owner.close()
