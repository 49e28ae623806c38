"""Airflow of the stack: its settings file, its connections to the loop, and the tables of its own database."""

import json
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from string import Template
from urllib.parse import urlsplit

import psycopg2

from deploy.local import private
from deploy.local.places import Places
from deploy.local.ports import HOST, Ports
from deploy.local.private import Credentials
from streaming.errors import Unreachable

USER = "admin"
PARALLELISM = 8
_TEMPLATE = Path(__file__).with_name("airflow") / "airflow.cfg"


def environment(stack: Mapping[str, str], places: Places, ports: Ports) -> dict[str, str]:
    """AIRFLOW_HOME and the loop's components as connections, for Airflow's processes and its command line.

    `stack`: the ANSWERLOOP_* variables of this stack.
    """
    redis = urlsplit(stack["ANSWERLOOP_REDIS_URL"])
    connections: dict[str, dict[str, object]] = {
        "api": {**_http(ports.api), "password": stack.get("ANSWERLOOP_API_TOKEN")},
        "flink": _http(ports.flink),
        "job_submitter": _http(ports.ops_job_submitter),
        "kafka": {"conn_type": "kafka", "extra": {"bootstrap.servers": stack["ANSWERLOOP_KAFKA_BOOTSTRAP"]}},
        "postgres": _postgres(stack["ANSWERLOOP_DATABASE_URL"]),
        "postgres_owner": _postgres(stack["ANSWERLOOP_MIGRATION_DATABASE_URL"]),
        "postgres_reports": _postgres(stack["ANSWERLOOP_REPORTS_DATABASE_URL"]),
        "redis": {"conn_type": "redis", "host": HOST, "port": ports.redis, "password": redis.password, "extra": {"db": 0}},
    }
    return {
        "AIRFLOW_HOME": str(places.airflow),
        **{f"AIRFLOW_CONN_ANSWERLOOP_{name.upper()}": _json(fields) for name, fields in connections.items()},
    }


def _http(port: int) -> dict[str, object]:
    return {"conn_type": "http", "schema": "http", "host": HOST, "port": port}


def _postgres(url: str) -> dict[str, object]:
    at = urlsplit(url)
    place = {"host": at.hostname, "port": at.port, "schema": at.path.removeprefix("/")}
    return {"conn_type": "postgres", **place, "login": at.username, "password": at.password}


def _json(fields: Mapping[str, object]) -> str:
    """In a form that supervisord's settings file can hold between single quotes."""
    text = json.dumps(fields)
    for character in "'%;#":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text


def write_config(places: Places, ports: Ports, credentials: Credentials) -> None:
    """airflow.cfg and the password of the one user."""
    places.airflow.mkdir(mode=0o700, parents=True, exist_ok=True)
    text = Template(_TEMPLATE.read_text()).substitute(
        root=places.root,
        home=places.airflow,
        host=HOST,
        port=ports.airflow,
        parallelism=PARALLELISM,
        user=USER,
        database_port=ports.postgres,
        database_password=credentials.postgres_airflow,
        fernet_key=credentials.airflow_fernet_key,
        jwt_secret=credentials.airflow_jwt_secret,
        secret_key=credentials.airflow_secret_key,
    )
    private.write(places.airflow / "airflow.cfg", text)
    private.write(places.airflow / "passwords.json", json.dumps({USER: credentials.airflow_password}) + "\n")


def migrated(places: Places, ports: Ports, credentials: Credentials) -> bool:
    """Whether the database has the tables of the installed Airflow. Raises Unreachable."""
    stamp = places.airflow / "migrated"
    return stamp.exists() and stamp.read_text() == _state(ports, credentials)


def stamp_migrated(places: Places, ports: Ports, credentials: Credentials) -> None:
    """Remember that `airflow db migrate` has run to its end. Raises Unreachable."""
    (places.airflow / "migrated").write_text(_state(ports, credentials))


def _state(ports: Ports, credentials: Credentials) -> str:
    """The installed version and the revision of the tables."""
    url = f"postgresql://airflow:{credentials.postgres_airflow}@{HOST}:{ports.postgres}/airflow"
    try:
        connection = psycopg2.connect(url, connect_timeout=5)
        try:
            with connection.cursor() as cursor:
                cursor.execute("SELECT to_regclass('alembic_version') IS NOT NULL")
                if not (cursor.fetchone() or (False,))[0]:
                    return "no tables"
                cursor.execute("SELECT version_num FROM alembic_version")
                return f"{version('apache-airflow')} {cursor.fetchall()}"
        finally:
            connection.close()
    except psycopg2.OperationalError as err:
        raise Unreachable(f"Airflow's database cannot be used: {str(err).strip()}") from err
