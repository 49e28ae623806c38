"""What the logins of PostgreSQL are granted, against the tables that the migrations make."""

import re

import pytest

from streaming.provision import GRANTS, MIGRATIONS

TABLES = {name for file in MIGRATIONS.glob("*.sql") for name in re.findall(r"^CREATE TABLE (\w+)", file.read_text(), re.MULTILINE)}
LOGINS = sorted(GRANTS.glob("*.sql"))


def granted(statements: str) -> dict[str, set[str]]:
    """Which tables each privilege is granted on."""
    found: dict[str, set[str]] = {}
    for privileges, tables in re.findall(r"^GRANT ([A-Z, ]+) ON\s+(?!SCHEMA)([\w,\s]+?)\s+TO ", statements, re.MULTILINE):
        for privilege in privileges.split(", "):
            found.setdefault(privilege, set()).update(re.split(r",\s*", tables))
    return found


@pytest.mark.parametrize("login", LOGINS, ids=lambda file: file.stem)
def test_every_table_of_the_migrations_is_named_for_each_login(login) -> None:
    assert granted(login.read_text())["SELECT"] == TABLES


@pytest.mark.parametrize("login", LOGINS, ids=lambda file: file.stem)
def test_nothing_is_granted_that_changes_tables_or_is_not_the_logins(login) -> None:
    statements = re.sub(r"--.*", "", login.read_text())
    assert granted(statements).keys() <= {"SELECT", "INSERT", "UPDATE", "DELETE"}
    assert set(re.findall(r"\bTO (\w+);", statements)) == {login.stem}
