"""The Grafana dashboard, row by row. `python -m deploy.grafana.dashboard` writes it to `dashboards/answerloop.json`."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FILE = Path(__file__).parent / "dashboards" / "answerloop.json"
COLUMNS, HEIGHT = 24, 8
# Flink counts scores in ten-thousandths.
SCORE_SCALE = 10_000
JOB = "flink_taskmanager_job_task_operator_answerloop"


@dataclass(frozen=True)
class Panel:
    """A panel: `queries` are (PromQL, legend) pairs, `unit` one of Grafana's, `help` what to look for."""

    title: str
    unit: str
    queries: tuple[tuple[str, str], ...]
    help: str = ""
    kind: str = "timeseries"


def _quantiles(metric: str, *by: str) -> tuple[tuple[str, str], ...]:
    labels, legend = ", ".join(("le", *by)), " ".join(f"{{{{{label}}}}}" for label in by)
    rate = f"sum by ({labels}) (rate({metric}_bucket[$__rate_interval]))"
    return tuple((f"histogram_quantile({share / 100}, {rate})", f"p{share} {legend}".strip()) for share in (50, 95, 99))


ROWS: tuple[tuple[str, tuple[Panel, ...]], ...] = (
    (
        "Now",
        (
            Panel(
                "Model gate",
                "short",
                (("min(answerloop_model_gate_open)", "open"),),
                "0: the model is unavailable, questions wait.",
                "stat",
            ),
            Panel(
                "Score job running",
                "short",
                (("max(answerloop_score_job_running)", "running"),),
                "0: the model's answers wait, unscored.",
                "stat",
            ),
            Panel("Services up", "short", (("sum(up)", "up"), ("count(up)", "known")), kind="stat"),
            Panel("Dead letters", "short", (('sum(answerloop_kafka_end_offset{topic="dead-letters"})', "ever"),), kind="stat"),
        ),
    ),
    (
        "Flow",
        (
            Panel(
                "Questions posted, by reply",
                "reqps",
                (("sum by (reply) (rate(answerloop_questions_total[$__rate_interval]))", "{{reply}}"),),
            ),
            Panel(
                "Throughput per topic",
                "cps",
                (("sum by (topic) (rate(answerloop_kafka_end_offset[$__rate_interval]))", "{{topic}}"),),
                "Records a second that arrive in each topic, whoever sent them.",
            ),
            Panel(
                "Questions ended",
                "cps",
                (('sum by (effect) (rate(answerloop_persisted_total{effect=~"answered|failed"}[$__rate_interval]))', "{{effect}}"),),
            ),
        ),
    ),
    (
        "Lag",
        (
            Panel(
                "Lag per group",
                "short",
                (("sum by (group) (answerloop_kafka_lag)", "{{group}}"),),
                "Records not committed. Retries that wait count.",
            ),
            Panel("Oldest unconsumed", "s", (("max by (group) (answerloop_kafka_oldest_unconsumed_seconds)", "{{group}}"),)),
            Panel(
                "Accepted, not in Kafka yet",
                "short",
                (("max(answerloop_questions_unenqueued)", "questions"), ("sum(answerloop_waiters)", "long polls open")),
            ),
        ),
    ),
    (
        "Model",
        (
            Panel(
                "Model calls by outcome",
                "cps",
                (("sum by (outcome) (rate(answerloop_model_calls_total[$__rate_interval]))", "{{outcome}}"),),
            ),
            Panel("Latency of a model call", "s", _quantiles("answerloop_model_call_seconds")),
            Panel(
                "In flight and limit",
                "short",
                (
                    ("sum(answerloop_model_calls_in_flight)", "in flight"),
                    ("sum(answerloop_model_in_flight_limit)", "limit"),
                    ("min(answerloop_model_gate_open)", "gate open"),
                ),
                "The limit falls where more in flight only made every call slower.",
            ),
        ),
    ),
    (
        "Retries",
        (
            Panel("Retries waiting", "short", (("sum by (service) (answerloop_retries_waiting)", "{{service}}"),)),
            Panel(
                "What followed an error",
                "cps",
                (("sum by (service, step) (rate(answerloop_retries_total[$__rate_interval]))", "{{service}} {{step}}"),),
            ),
            Panel("Forwarded after it was due", "s", _quantiles("answerloop_retry_lateness_seconds", "service")),
        ),
    ),
    (
        "Scores",
        (
            Panel(
                "Average score",
                "percentunit",
                (
                    (f"sum(rate({JOB}_first_score_sum[5m])) / sum(rate({JOB}_first_scores[5m])) / {SCORE_SCALE}", "first, of all"),
                    (
                        f"(sum(rate({JOB}_regenerated_score_sum[5m])) - sum(rate({JOB}_improvement_sum[5m])))"
                        f" / sum(rate({JOB}_regenerated[5m])) / {SCORE_SCALE}",
                        "first, of the regenerated",
                    ),
                    (
                        f"sum(rate({JOB}_regenerated_score_sum[5m])) / sum(rate({JOB}_regenerated[5m])) / {SCORE_SCALE}",
                        "final, of the regenerated",
                    ),
                    (f"sum(rate({JOB}_improvement_sum[5m])) / sum(rate({JOB}_regenerated[5m])) / {SCORE_SCALE}", "mean improvement"),
                ),
                "BERTScore F1 of the answers of the last five minutes.",
            ),
            Panel(
                "Regeneration",
                "cps",
                (
                    (f"sum(rate({JOB}_scored_pairs[$__rate_interval]))", "scored"),
                    (f"sum(rate({JOB}_regenerations[$__rate_interval]))", "asked again"),
                    (f"sum(rate({JOB}_best_attempts_accepted[$__rate_interval]))", "best attempt accepted"),
                ),
            ),
            Panel(
                "Event-time lag",
                "ms",
                ((f"max({JOB}_event_time_lag_ms)", "event time"),),
                "How old an answer was when it had been scored, of the last one of each subtask.",
            ),
            Panel(
                "Watermark lag",
                "ms",
                (
                    ("time() * 1000 - min(flink_taskmanager_job_task_currentInputWatermark > -9e15)", "now"),
                    (f"max({JOB}_watermark_lag_ms)", "when the last record was scored"),
                ),
                "How far the job's watermark is behind the clock. While nothing arrives it stands still, and the first line grows.",
            ),
        ),
    ),
    (
        "Flink",
        (
            Panel("Duration of a checkpoint", "ms", (("max(flink_jobmanager_job_lastCheckpointDuration)", "checkpoint"),)),
            Panel("Restarts of the job", "short", (("max(flink_jobmanager_job_numRestarts)", "restarts"),)),
            Panel(
                "Busy and backpressured",
                "ms",
                (
                    ("max by (task_name) (flink_taskmanager_job_task_busyTimeMsPerSecond)", "busy {{task_name}}"),
                    ("max by (task_name) (flink_taskmanager_job_task_backPressuredTimeMsPerSecond)", "backpressured {{task_name}}"),
                ),
                "Milliseconds of each second.",
            ),
        ),
    ),
    (
        "Storage",
        (
            Panel("Persister: a batch's transaction", "s", _quantiles("answerloop_persist_batch_seconds")),
            Panel("Persister: messages in a batch", "short", _quantiles("answerloop_persist_batch_rows")),
            Panel("Cache reads", "cps", (("sum by (result) (rate(answerloop_cache_reads_total[$__rate_interval]))", "{{result}}"),)),
        ),
    ),
    (
        "Trouble",
        (
            Panel(
                "Dead letters",
                "short",
                (
                    ('sum(delta(answerloop_kafka_end_offset{topic="dead-letters"}[15m]))', "in 15 minutes"),
                    ("sum by (service) (increase(answerloop_dead_letters_total[15m]))", "by {{service}}"),
                ),
            ),
            Panel(
                "Effects of stored messages",
                "cps",
                (("sum by (effect) (rate(answerloop_persisted_total[$__rate_interval]))", "{{effect}}"),),
            ),
            Panel("Records begun and not done", "short", (("sum by (service) (answerloop_records_in_flight)", "{{service}}"),)),
        ),
    ),
)


def dashboard() -> dict[str, Any]:
    """The dashboard as Grafana loads it."""
    panels: list[dict[str, Any]] = []
    y = 0
    for title, row in ROWS:
        panels.append({"type": "row", "title": title, "collapsed": False, "gridPos": {"h": 1, "w": COLUMNS, "x": 0, "y": y}, "panels": []})
        y += 1
        height = HEIGHT // 2 if all(panel.kind == "stat" for panel in row) else HEIGHT
        width = COLUMNS // len(row)
        panels.extend(_panel(panel, {"h": height, "w": width, "x": width * place, "y": y}) for place, panel in enumerate(row))
        y += height
    for number, panel in enumerate(panels, 1):
        panel["id"] = number
    return {
        "uid": "answerloop",
        "title": "Answerloop",
        "tags": ["answerloop"],
        "schemaVersion": 39,
        "editable": False,
        "refresh": "10s",
        "time": {"from": "now-30m", "to": "now"},
        "timezone": "browser",
        "panels": panels,
    }


def _panel(panel: Panel, place: dict[str, int]) -> dict[str, Any]:
    source = {"type": "prometheus", "uid": "prometheus"}
    return {
        "type": panel.kind,
        "title": panel.title,
        "description": panel.help,
        "datasource": source,
        "gridPos": place,
        "fieldConfig": {"defaults": {"unit": panel.unit}, "overrides": []},
        "options": {} if panel.kind == "stat" else {"legend": {"displayMode": "list", "placement": "bottom"}, "tooltip": {"mode": "multi"}},
        "targets": [
            {"refId": chr(ord("A") + number), "datasource": source, "expr": query, "legendFormat": legend}
            for number, (query, legend) in enumerate(panel.queries)
        ],
    }


def as_json() -> str:
    return json.dumps(dashboard(), indent=1) + "\n"


if __name__ == "__main__":
    FILE.write_text(as_json())
