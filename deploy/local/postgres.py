"""PostgreSQL of the stack: its binaries, its data directory, its roles and databases."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import psycopg2
from psycopg2 import sql

from deploy.local.places import POSTGRES_USER, Places
from deploy.local.stack import Stack
from streaming.errors import ConfigurationError

_SUPERUSER = "postgres"
_FOLDERS = ("/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin", "/opt/homebrew/opt/postgresql@*/bin", "/usr/local/opt/postgresql@*/bin")


def command(places: Places) -> tuple[str, ...]:
    """The server in the foreground."""
    return (
        str(binaries(places) / "postgres"),
        "-D",
        str(places.postgres_data),
        "-c",
        f"config_file={places.postgres}/postgresql.conf",
        "-c",
        f"hba_file={places.postgres}/pg_hba.conf",
    )


def superuser_url(stack: Stack, database: str = "postgres") -> str:
    return stack.ports.postgres_url(_SUPERUSER, stack.credentials.postgres_superuser, database)


def installed() -> list[Path]:
    """Folders that hold a server, the newest version last."""
    found = [folder for pattern in _FOLDERS for folder in Path("/").glob(pattern[1:]) if (folder / "initdb").exists()]
    on_path = shutil.which("initdb")
    if on_path and not found:
        found = [Path(on_path).parent]
    return sorted(found, key=lambda folder: [int(number) for number in re.findall(r"\d+", str(folder))])


def binaries(places: Places) -> Path:
    """The folder of the server that fits the data: the version that made it, the newest for new data.

    Raises ConfigurationError where there is none.
    """
    folders = installed()
    if not folders:
        raise ConfigurationError("no PostgreSQL server is installed; `make setup` installs it or says how")
    version_file = places.postgres_data / "PG_VERSION"
    if not version_file.exists():
        return folders[-1]
    version = version_file.read_text().strip()
    fitting = [folder for folder in folders if re.search(rf"(?<!\d){version}(?!\d)", str(folder))]
    if not fitting:
        raise ConfigurationError(
            f"{places.postgres_data} was made by PostgreSQL {version}, which is not installed: install it, or `make clean`"
        )
    return fitting[-1]


def initialise(stack: Stack) -> None:
    """Make the data directory unless it is there. Idempotent: a half-made one is made again.

    Data whose state directory was removed, and with it Kafka's topics and the passwords, is of no use any more and makes room.
    """
    places = stack.places
    belongs_to = places.postgres / "belongs-to"
    mine = belongs_to.exists() and belongs_to.read_text() == stack.credentials.kafka_cluster
    if mine and (places.postgres_data / "PG_VERSION").exists():
        return
    shutil.rmtree(places.postgres_data, ignore_errors=True)
    belongs_to.write_text(stack.credentials.kafka_cluster)
    password = places.postgres / "password"
    password.touch(mode=0o600)
    password.write_text(stack.credentials.postgres_superuser)
    give(places, (password,))
    try:
        _run_initdb(places, password)
    finally:
        password.unlink()


def _run_initdb(places: Places, password: Path) -> None:
    locale = "en_US.UTF-8" if sys.platform == "darwin" else "C.UTF-8"
    arguments = [str(binaries(places) / "initdb"), "-D", str(places.postgres_data), "-U", _SUPERUSER, "-A", "scram-sha-256"]
    arguments += [f"--pwfile={password}", "-E", "UTF8", f"--locale={locale}"]
    as_user = {"user": places.postgres_user, "group": places.postgres_user, "extra_groups": ()} if places.postgres_user else {}
    done = subprocess.run(arguments, cwd=places.postgres, text=True, capture_output=True, check=False, **as_user)  # type: ignore[call-overload]
    if done.returncode != 0:
        shutil.rmtree(places.postgres_data, ignore_errors=True)
        raise ConfigurationError(f"initdb failed in {places.postgres}:\n{(done.stderr or done.stdout).strip()}")


def make_folder(places: Places) -> None:
    """The folder of data and settings, owned by whoever runs the server."""
    if places.postgres_user:
        places.postgres.parent.mkdir(mode=0o755, exist_ok=True)
    places.postgres.mkdir(mode=0o700, exist_ok=True)
    give(places, (places.postgres,))


def give(places: Places, paths: Iterable[Path]) -> None:
    """Hand files to the user that the server runs as. Raises ConfigurationError where there is no such user."""
    if not places.postgres_user:
        return
    for path in paths:
        try:
            shutil.chown(path, places.postgres_user, places.postgres_user)
        except LookupError as err:
            raise ConfigurationError(
                f"root cannot run PostgreSQL, and there is no user {POSTGRES_USER!r}; start the stack as an ordinary user"
            ) from err


def forget_lost_server(places: Places) -> None:
    """Remove the pid file of a server that a power cut took; its number may by now be another process's, which PostgreSQL would respect."""
    pid_file = places.postgres_data / "postmaster.pid"
    if not pid_file.exists():
        return
    pid = pid_file.read_text().split("\n", 1)[0].strip()
    command_line = Path(f"/proc/{pid}/cmdline")
    if os.path.isdir("/proc/self") and not (command_line.exists() and str(places.postgres_data).encode() in command_line.read_bytes()):
        pid_file.unlink()


def ensure_databases(stack: Stack) -> None:
    """The logins and the databases, each owned by the login of its name. Idempotent; a password that differs is set.

    What the others may do in the loop's database, its owner grants when it provisions.
    """
    kept = stack.credentials
    owners = {"answerloop": kept.postgres_answerloop, "airflow": kept.postgres_airflow}
    others = {"answerloop_app": kept.postgres_app, "answerloop_reports": kept.postgres_reports}
    connection = psycopg2.connect(superuser_url(stack), connect_timeout=5)
    connection.autocommit = True
    try:
        with connection.cursor() as cursor:
            for login, password in {**owners, **others}.items():
                cursor.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", (login,))
                statement = "ALTER ROLE {} LOGIN PASSWORD {}" if cursor.fetchone() else "CREATE ROLE {} LOGIN PASSWORD {}"
                cursor.execute(sql.SQL(statement).format(sql.Identifier(login), sql.Literal(password)))
            for name in owners:
                cursor.execute("SELECT 1 FROM pg_database WHERE datname = %s", (name,))
                if not cursor.fetchone():
                    cursor.execute(sql.SQL("CREATE DATABASE {} OWNER {}").format(sql.Identifier(name), sql.Identifier(name)))
    finally:
        connection.close()
