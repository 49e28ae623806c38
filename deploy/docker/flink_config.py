"""Flink's settings in a container: those of the local stack, with the addresses of a network and a metrics reporter.

`python -m deploy.docker.flink_config FOLDER` writes `config.yaml` and the log settings there.
"""

import shutil
import socket
import sys
import tomllib
from importlib.util import find_spec
from pathlib import Path
from string import Template
from typing import Any

import yaml

from streaming import settings as process_settings

LOCAL = Path(__file__).parent.parent / "local"
JOBMANAGER = "flink-jobmanager"
METRICS_PORT = 9249
GUARD_JAR = Path("/opt/guard/flink-guard.jar")
DATA = Path("/var/lib/answerloop/flink")
LOG_SETTINGS = ("log4j-console.properties", "log4j-cli.properties")


def config(host: str, flink_home: Path, checkpoints: Path, checkpoint_interval_ms: int) -> dict[str, Any]:
    """The settings of the container with this host name. A placeholder without a value is a KeyError."""
    ports = tomllib.loads((LOCAL / "ports.toml").read_text())
    shipped = yaml.safe_load((flink_home / "conf" / "config.yaml").read_text())
    filled = Template((LOCAL / "flink" / "config.yaml").read_text()).substitute(
        host=JOBMANAGER,
        rest_port=ports["flink"],
        rpc_port=ports["flink_rpc"],
        blob_port=ports["flink_blob"],
        taskmanager_rpc_port=ports["flink_taskmanager_rpc"],
        taskmanager_data_port=ports["flink_taskmanager_data"],
        data=DATA,
        checkpoints=checkpoints,
        checkpoint_interval_ms=checkpoint_interval_ms,
        python=sys.executable,
        # Prometheus collects the metrics from another container.
        guard=f"{GUARD_JAR}=workers",
        java_opts=shipped["env"]["java"]["opts"]["all"],
    )
    everywhere = "0.0.0.0"  # nosec B104 # in a container; its port is published on loopback
    return {
        **yaml.safe_load(filled),
        "jobmanager.bind-host": everywhere,
        "rest.bind-address": everywhere,
        "taskmanager.bind-host": everywhere,
        "taskmanager.host": host,
        "metrics.reporter.prom.factory.class": "org.apache.flink.metrics.prometheus.PrometheusReporterFactory",
        "metrics.reporter.prom.port": METRICS_PORT,
    }


def write(folder: Path, settings: dict[str, Any]) -> None:
    """The folder as Flink's scripts want it."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.yaml").write_text(yaml.safe_dump(settings, width=10_000, sort_keys=False))
    for name in LOG_SETTINGS:
        shutil.copyfile(LOCAL / "flink" / name, folder / name)


def main() -> None:
    """The command. Raises ConfigurationError."""
    settings = process_settings.load()
    spec = find_spec("pyflink")
    if spec is None or spec.origin is None or settings.checkpoint_dir is None:
        sys.exit("flink_config: the pyflink package and ANSWERLOOP_CHECKPOINT_DIR are needed")
    found = config(socket.gethostname(), Path(spec.origin).parent, settings.checkpoint_dir, settings.checkpoint_interval_ms)
    write(Path(sys.argv[1]), found)


if __name__ == "__main__":
    main()
