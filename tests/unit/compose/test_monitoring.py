"""What Prometheus collects, judges and Grafana draws, against the metrics that the services have."""

import re
import shutil
import subprocess

import pytest
import yaml
from prometheus_client import CollectorRegistry

from deploy.docker import flink_config
from deploy.grafana import dashboard
from flink.figures import COUNTERS
from streaming.services import SERVICES
from tests.monitoring import PROMETHEUS, RULES, expressions, metrics_in
from tests.unit.compose.project import ROOT, environment, services, target

GRAFANA = ROOT / "deploy" / "grafana"
SCRAPED = {each["job_name"]: each for each in yaml.safe_load((PROMETHEUS / "prometheus.yml").read_text())["scrape_configs"]}

OPERATOR = "flink_taskmanager_job_task_operator_answerloop_"
# Flink's own, from its documentation of metrics; the job's, from the groups that its operators open.
OF_FLINK = {
    "flink_jobmanager_numRunningJobs",
    "flink_jobmanager_job_lastCheckpointDuration",
    "flink_jobmanager_job_numRestarts",
    "flink_taskmanager_job_task_busyTimeMsPerSecond",
    "flink_taskmanager_job_task_backPressuredTimeMsPerSecond",
    "flink_taskmanager_job_task_currentInputWatermark",
}
OF_THE_JOB = {OPERATOR + name for name in (*COUNTERS, "event_time_lag_ms", "watermark_lag_ms", "score_batches", "score_ms")}


def registries() -> set[CollectorRegistry]:
    return {registry for service in SERVICES for registry in service.metrics}


def declared() -> dict[str, set[str]]:
    """Every series of streaming/metrics.py and its labels; Prometheus adds the job."""
    found: dict[str, set[str]] = {}
    for collector in {each for registry in registries() for each in registry._collector_to_names}:
        labels = {*getattr(collector, "_labelnames", ()), "job"}
        for name in getattr(collector, "describe", list)():
            suffixes = {"counter": ("_total",), "histogram": ("_bucket", "_sum", "_count")}.get(name.type, ("",))
            found |= {f"{name.name}{suffix}": labels | ({"le"} if suffix == "_bucket" else set()) for suffix in suffixes}
    return found


@pytest.mark.parametrize(("where", "expression"), list(expressions()))
def test_every_metric_is_one_that_is_exposed(where: str, expression: str) -> None:
    known = declared()
    used = metrics_in(expression)
    assert used or expression in ("sum(up)", "count(up)") or where == "ServiceDown"
    for name, matchers in used:
        assert name in known.keys() | OF_FLINK | OF_THE_JOB, f"{where}: {name}"
        if name in known:
            grouped = {label for group in re.findall(r"by \(([^)]*)\)", expression) for label in group.split(", ")}
            assert {matcher.split("=")[0].rstrip("!~") for matcher in matchers.split(",") if matcher} <= known[name], f"{where}: {name}"
            assert grouped <= set().union(*(known.get(each, set()) for each, _ in used)), f"{where}: {name}"


def test_the_jobs_metrics_are_in_the_group_that_its_names_say() -> None:
    text = (ROOT / "flink" / "operators.py").read_text()
    opened = re.findall(r'add_group\("(\w+)"\)', text)
    assert set(opened) == {"answerloop"}
    named = set(re.findall(r'(?:counter|gauge)\("(\w+)"', text))
    assert {OPERATOR + name for name in named} <= OF_THE_JOB


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_an_alert_says_what_it_means_and_what_to_do(rule) -> None:
    assert rule["labels"]["severity"] in ("warning", "critical")
    assert rule["annotations"].keys() == {"summary", "description", "action", "runbook"}
    assert rule["annotations"]["runbook"] == "docs/operations.md#alerts"


def test_the_runbook_says_of_each_alert_what_it_means_and_what_to_do() -> None:
    section = (ROOT / "docs/operations.md").read_text().split("\n## Alerts\n")[1].split("\n## ")[0]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in section.splitlines() if re.match(r"\| [A-Z]\w+ \|", line)]
    assert [row[0] for row in rows] == [rule["alert"] for rule in RULES]
    for name, means, do in rows:
        assert len(means) > 25, name
        assert re.search(r"`[^`]+`", do), f"{name}: a command to begin with"


def test_every_trouble_of_the_design_has_its_alert() -> None:
    assert {
        "ServiceDown",
        "ModelGateClosed",
        "LagGrowing",
        "OldestUnconsumed",
        "FailureRate",
        "ScorerBehind",
        "DeadLetters",
        "JobNotRunning",
    } <= {rule["alert"] for rule in RULES}


def test_every_service_with_metrics_is_scraped_at_its_port() -> None:
    asked = {}
    for job, config in SCRAPED.items():
        (found,) = config["dns_sd_configs"]
        assert found["names"] == [job]
        asked[job] = found["port"]
    ours = {
        name: 8000 if name == "storage-api" else 8100
        for name, each in services().items()
        if environment(name).get("ANSWERLOOP_OPS_PORT") and target(name) in ("services", "flink") and each["restart"] != "no"
    }
    del ours["simulator"]
    flink = dict.fromkeys(("flink-jobmanager", "flink-taskmanager"), flink_config.METRICS_PORT)
    assert asked == ours | flink
    (down,) = [rule["expr"] for rule in RULES if rule["alert"] == "ServiceDown"]
    assert set(re.findall(r'job="([\w-]+)"', down)) == asked.keys()


def test_the_api_is_scraped_with_its_token() -> None:
    told = SCRAPED["storage-api"]["authorization"]
    assert told == {"type": "Bearer", "credentials_file": "/run/secrets/api-token"}
    assert services()["prometheus"]["secrets"] == ["api-token"]


def test_prometheus_is_told_of_files_that_are_mounted() -> None:
    mounts = {mount.split(":")[1] for mount in services()["prometheus"]["volumes"]}
    assert "--config.file=/etc/prometheus/prometheus.yml" in services()["prometheus"]["command"]
    assert {"/etc/prometheus/prometheus.yml", "/etc/prometheus/rules.yml", "/prometheus"} <= mounts


def test_the_dashboard_is_the_one_that_the_script_makes() -> None:
    assert dashboard.FILE.read_text() == dashboard.as_json(), "run `python -m deploy.grafana.dashboard`"


def test_grafana_finds_its_source_and_its_dashboards() -> None:
    (source,) = yaml.safe_load((GRAFANA / "provisioning/datasources/prometheus.yml").read_text())["datasources"]
    assert source["url"] == "http://prometheus:9090"
    (provider,) = yaml.safe_load((GRAFANA / "provisioning/dashboards/answerloop.yml").read_text())["providers"]
    mounts = dict(mount.split(":")[:2][::-1] for mount in services()["grafana"]["volumes"])
    assert mounts[provider["options"]["path"]] == "./deploy/grafana/dashboards"
    panels = dashboard.dashboard()["panels"]
    assert {panel["datasource"]["uid"] for panel in panels if panel["type"] != "row"} == {source["uid"]}


def test_panels_do_not_overlap() -> None:
    taken: set[tuple[int, int]] = set()
    for panel in dashboard.dashboard()["panels"]:
        place = panel["gridPos"]
        cells = {(x, y) for x in range(place["x"], place["x"] + place["w"]) for y in range(place["y"], place["y"] + place["h"])}
        assert not cells & taken, panel["title"]
        assert place["x"] + place["w"] <= dashboard.COLUMNS
        taken |= cells


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool (Debian's package prometheus) is not installed")
class TestWithPromtool:
    """Prometheus' own judgement."""

    def test_the_rules_and_the_configuration_are_valid(self, tmp_path) -> None:
        subprocess.run(["promtool", "check", "rules", PROMETHEUS / "rules.yml"], check=True, capture_output=True)
        subprocess.run(["promtool", "check", "config", "--syntax-only", PROMETHEUS / "prometheus.yml"], check=True, capture_output=True)

    def test_each_alert_fires_when_it_must_and_not_before(self) -> None:
        file = ROOT / "tests/unit/compose/rules_test.yml"
        done = subprocess.run(["promtool", "test", "rules", file], capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
        silent, firing, *_ = yaml.safe_load(file.read_text())["tests"]
        every = {rule["alert"] for rule in RULES}
        assert {check["alertname"] for check in silent["alert_rule_test"]} == every
        fired = [sample["labels"] for check in firing["promql_expr_test"] for sample in check["exp_samples"]]
        assert {re.findall(r'alertname="(\w+)"', labels)[0] for labels in fired} == every
