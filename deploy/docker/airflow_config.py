"""Airflow's settings in a container: those of the local stack, with the addresses of a network.

`python -m deploy.docker.airflow_config FOLDER` writes `airflow.cfg` and `passwords.json` there, from the AIRFLOW_* secrets of the
environment.
"""

import configparser
import io
import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from string import Template

TEMPLATE = Path(__file__).parent.parent / "local" / "airflow" / "airflow.cfg"
ROOT = Path("/app")
USER = "admin"
API_SERVER, PORT = "airflow-api-server", 8080
DATABASE = "postgres:5432"
# Tasks at once, as in the local stack.
PARALLELISM = 8


def config(home: Path, environ: Mapping[str, str]) -> str:
    """The text of airflow.cfg. A secret or a placeholder without a value is a KeyError."""
    password = environ["AIRFLOW_DATABASE_PASSWORD"]
    filled = Template(TEMPLATE.read_text()).substitute(
        root=ROOT,
        home=home,
        host=API_SERVER,
        port=PORT,
        parallelism=PARALLELISM,
        user=USER,
        database_port=DATABASE.rpartition(":")[2],
        database_password=password,
        fernet_key=environ["AIRFLOW_FERNET_KEY"],
        jwt_secret=environ["AIRFLOW_JWT_SECRET"],
        secret_key=environ["AIRFLOW_SECRET_KEY"],
    )
    settings = configparser.RawConfigParser()
    settings.read_string(filled)
    settings["database"]["sql_alchemy_conn"] = f"postgresql+psycopg2://airflow:{password}@{DATABASE}/airflow"
    settings["api"]["host"] = "0.0.0.0"  # nosec B104 # in a container; its port is published on loopback
    # What links in the browser begin with: the port is published there.
    settings["api"]["base_url"] = f"http://127.0.0.1:{PORT}"
    out = io.StringIO()
    settings.write(out)
    return out.getvalue()


def write(folder: Path, environ: Mapping[str, str]) -> None:
    """Both files, readable by this user alone."""
    for name, text in (
        ("airflow.cfg", config(folder, environ)),
        ("passwords.json", json.dumps({USER: environ["AIRFLOW_PASSWORD"]}) + "\n"),
    ):
        file = folder / name
        file.touch(mode=0o600)
        file.write_text(text)


if __name__ == "__main__":
    write(Path(sys.argv[1]), os.environ)
