"""The components' settings, filled in and written to the state directory before every start."""

import configparser
import io
import os
import shlex
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from string import Template

import yaml

from deploy.local import airflow, postgres, private, prometheus
from deploy.local.environment import as_exports
from deploy.local.places import Places
from deploy.local.ports import HOST
from deploy.local.programs import Program
from deploy.local.stack import Stack
from streaming.settings import Settings

_HERE = Path(__file__).parent
_STOP_WAIT_S = 15


def write_all(stack: Stack, programs: Sequence[Program], settings: Settings, flink_home: Path) -> None:
    """Every file that a program is started with, and the env file."""
    places, ports = stack.places, stack.ports
    for folder in (places.logs, places.run, places.kafka, places.redis, places.flink / "conf", places.flink / "tmp", places.checkpoints):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    private.write(places.env_file, as_exports({**stack.environment, **stack.airflow_environment}))
    private.write(places.state / "supervisord.conf", supervisord(places, programs))

    kafka = {"port": ports.kafka, "controller_port": ports.kafka_controller, "data": places.kafka / "data"}
    private.write(places.kafka / "server.properties", fill("kafka/server.properties", kafka))
    redis = {"port": ports.redis, "password": stack.credentials.redis, "data": places.redis}
    private.write(places.redis / "redis.conf", fill("redis/redis.conf", redis))

    private.write(places.flink / "conf" / "config.yaml", flink_config(stack, settings.checkpoint_interval_ms, flink_home))
    for name in ("log4j-console.properties", "log4j-cli.properties"):
        shutil.copyfile(_HERE / "flink" / name, places.flink / "conf" / name)

    if stack.monitored:
        places.prometheus.mkdir(mode=0o700, exist_ok=True)
        private.write(places.prometheus / "prometheus.yml", prometheus.config(stack))

    airflow.write_config(places, ports, stack.credentials)

    postgres.make_folder(places)
    for name in ("postgresql.conf", "pg_hba.conf"):
        private.write(places.postgres / name, fill(f"postgres/{name}", {"port": ports.postgres}))
        postgres.give(places, (places.postgres / name,))


def fill(name: str, values: Mapping[str, object]) -> str:
    """The text of a settings file of this folder, its ${...} filled in; a missing value is a KeyError."""
    return Template((_HERE / name).read_text()).substitute(values, host=HOST)


def flink_config(stack: Stack, checkpoint_interval_ms: int, flink_home: Path) -> str:
    """Flink's config.yaml; the JVM options are those that its distribution ships with."""
    shipped = yaml.safe_load((flink_home / "conf" / "config.yaml").read_text())
    ports, places = stack.ports, stack.places
    return fill(
        "flink/config.yaml",
        {
            "rest_port": ports.flink,
            "rpc_port": ports.flink_rpc,
            "blob_port": ports.flink_blob,
            "taskmanager_rpc_port": ports.flink_taskmanager_rpc,
            "taskmanager_data_port": ports.flink_taskmanager_data,
            "data": places.flink,
            "checkpoints": places.checkpoints,
            "checkpoint_interval_ms": checkpoint_interval_ms,
            "python": places.python,
            "guard": f"{places.guard_jar}=workers,metrics",
            "java_opts": shipped["env"]["java"]["opts"]["all"],
        },
    )


def supervisord(places: Places, programs: Sequence[Program]) -> str:
    """supervisord.conf. Nothing starts by itself: `up` starts group by group; what dies afterwards comes back."""
    config = configparser.RawConfigParser()
    config["unix_http_server"] = {"file": str(places.socket), "chmod": "0700"}
    config["supervisord"] = {
        "logfile": str(places.logs / "supervisord.log"),
        "logfile_maxbytes": "5MB",
        "logfile_backups": "2",
        "pidfile": str(places.run / "supervisord.pid"),
        "childlogdir": str(places.logs),
        "directory": str(places.root),
        **({"user": "root"} if os.geteuid() == 0 else {}),
    }
    config["rpcinterface:supervisor"] = {"supervisor.rpcinterface_factory": "supervisor.rpcinterface:make_main_rpcinterface"}
    config["supervisorctl"] = {"serverurl": f"unix://{places.socket}"}
    for program in programs:
        config[f"program:{program.name}"] = {
            "command": " ".join(shlex.quote(word) for word in program.command).replace("%", "%%"),
            "directory": str(program.directory or places.root),
            "environment": ",".join(f"{name}='{value}'" for name, value in program.environment.items()),
            **({"user": program.user} if program.user else {}),
            "autostart": "false",
            "autorestart": "true",
            "startsecs": "1",
            # A program that lives shorter than startsecs is tried again after 1, 2, 3 ... s: 100 tries are over an hour.
            "startretries": "100",
            "stopsignal": program.stop_signal,
            "stopwaitsecs": str(_STOP_WAIT_S),
            "stopasgroup": "true" if program.signals_its_group else "false",
            "killasgroup": "true",
            "redirect_stderr": "true",
            "stdout_logfile": str(places.logs / f"{program.name}.log"),
            "stdout_logfile_maxbytes": "20MB",
            "stdout_logfile_backups": "3",
        }
    out = io.StringIO()
    config.write(out)
    return out.getvalue()
