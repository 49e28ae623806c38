"""Prometheus of the stack, where it is installed: it collects and judges what deploy/prometheus says, at this stack's addresses."""

from typing import Any

import yaml

from deploy.local.places import ROOT, Places
from deploy.local.ports import HOST, Ports
from deploy.local.stack import Stack
from streaming.services import SERVICES

SHARED = ROOT / "deploy" / "prometheus"
KEEP = ("--storage.tsdb.retention.time=2d", "--storage.tsdb.retention.size=512MB")


def command(places: Places, ports: Ports) -> tuple[str, ...]:
    """The server in the foreground."""
    return (
        "prometheus",
        f"--config.file={places.prometheus / 'prometheus.yml'}",
        f"--storage.tsdb.path={places.prometheus / 'data'}",
        *KEEP,
        f"--web.listen-address={HOST}:{ports.prometheus}",
    )


def config(stack: Stack) -> str:
    """The text of prometheus.yml: that of the containers, but for where things are. A job without a port here is a KeyError."""
    shared: dict[str, Any] = yaml.safe_load((SHARED / "prometheus.yml").read_text())
    token = stack.environment.get("ANSWERLOOP_API_TOKEN")
    targets = ports_of_jobs(stack.ports)
    jobs = []
    for job in shared["scrape_configs"]:
        here = {key: value for key, value in job.items() if key not in ("dns_sd_configs", "authorization")}
        if "authorization" in job and token:
            here["authorization"] = {"type": "Bearer", "credentials": token}
        jobs.append({**here, "static_configs": [{"targets": [f"{HOST}:{targets[job['job_name']]}"]}]})
    rules = [str(SHARED / name) for name in shared["rule_files"]]
    return yaml.safe_dump({**shared, "rule_files": rules, "scrape_configs": jobs}, sort_keys=False)


def ports_of_jobs(ports: Ports) -> dict[str, int]:
    """Where each job of the scrape configuration has its /metrics."""
    return {
        **{service.command: ports.of(service) for service in SERVICES},
        "flink-jobmanager": ports.flink_jobmanager_metrics,
        "flink-taskmanager": ports.flink_taskmanager_metrics,
    }


def flink_reporter(port: int) -> tuple[str, ...]:
    """Words for the command line of a JobManager or TaskManager.

    `-D` is a word of its own: jobmanager.sh takes any other first word for a host.
    """
    factory = "org.apache.flink.metrics.prometheus.PrometheusReporterFactory"
    return ("-D", f"metrics.reporter.prom.factory.class={factory}", "-D", f"metrics.reporter.prom.port={port}")
