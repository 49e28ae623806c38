"""The CSV files hold what the report holds."""

import csv
import io
from itertools import pairwise

import msgspec
import pytest

from streaming.reports.csv_files import csv_files, descriptions
from tests.example_report import RUN, day_report, empty_report, run_report

REPORT = run_report()
FIGURES = REPORT.figures


def rows(name: str, report=REPORT) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(csv_files(report)[name])))


@pytest.mark.parametrize(
    ("part", "metric", "label", "value", "unit"),
    [
        ("kafka", "lag_largest", "questions-pending / llm_consumer_service", 182, "records"),
        ("kafka", "throughput", "questions-pending", 4.0133, "per second"),
        ("kafka", "produce_to_consume", "questions-pending p99", 8001.2, "ms"),
        ("kafka", "mean_queue_size", "", 57.25, "questions"),
        ("model", "calls", "", 1184, "calls"),
        ("model", "outcomes", "overload", 92, "calls"),
        ("model", "latency", "p50", 152.3, "ms"),
        ("model", "mean_latency", "", 168.25, "ms"),
        ("model", "failed_latency", "p95", 120_003.5, "ms"),
        ("model", "mean_all_latency", "", 2_186.75, "ms"),
        ("model", "overloads", "http_503", 61, "calls"),
        ("model", "overload_share", "deadline", 18 / 1184, "share"),
        ("model", "error_share", "model_missing", 15 / 1184, "share"),
        ("model", "retries_needed", "quality", 378, "calls"),
        ("model", "retries_succeeded", "quality", 204, "calls"),
        ("model", "errors", "model_missing", 15, "calls"),
        ("model", "slot_use", "", 0.6929, "share"),
        ("flink", "mean_first", "", 0.7012, "F1"),
        ("flink", "extra_calls", "", 317, "calls"),
        ("flink", "event_time_lag", "max", 1500.0, "ms"),
        ("flink", "watermark_lag", "p95", 1700.25, "ms"),
        ("whole", "final", "answered", 961, "requests"),
        ("whole", "asked_per_s", "", 2.5871, "per second"),
        ("whole", "real", "p95", 14210.4, "ms"),
        ("whole", "failure_rate", "", 27 / 806, "share"),
        ("whole", "failures", "quota_exhausted", 3, "questions"),
        ("whole", "stage", "waiting", 2871.5, "ms"),
        ("whole", "largest_memory_mib", "flink_score_job", 1466.2, "MiB"),
        ("whole", "replays", "answered", 7, "questions"),
        ("whole", "dead_letters", "", 2, "messages"),
    ],
)
def test_every_value_is_there_as_it_was_measured(part: str, metric: str, label: str, value: float, unit: str) -> None:
    (found,) = [each for each in rows("metrics.csv") if (each["part"], each["metric"], each["label"]) == (part, metric, label)]
    assert float(found["value"]) == value
    assert found["unit"] == unit
    assert found["run"] == ""


def test_no_metric_is_there_twice() -> None:
    found = [(each["run"], each["part"], each["metric"], each["label"]) for each in rows("metrics.csv", day_report())]
    assert len(found) == len(set(found))


def test_distributions_and_series_add_up_to_the_figures() -> None:
    histogram, over_time = FIGURES.flink.score_distribution, FIGURES.whole.over_time
    assert histogram is not None
    assert over_time is not None
    bins = rows("score_distribution.csv")
    assert [int(each["answers"]) for each in bins if each["line"] == "final"] == histogram.lines["final"]
    assert {(float(each["from_f1"]), float(each["to_f1"])) for each in bins} == set(pairwise(histogram.edges))
    points = [each for each in rows("series_over_time.csv") if each["line"] == "answered"]
    assert [float(each["value"]) if each["value"] else None for each in points] == over_time.lines["answered"]
    assert (points[0]["time"], points[1]["time"]) == ("2026-11-22T21:40:00.000+00:00", "2026-11-22T21:40:05.000+00:00")
    assert sum(int(each["count"]) for each in rows("flows.csv")) == sum(each.count for each in FIGURES.whole.flows)
    assert {each["topic_and_group"] for each in rows("series_lag.csv")} == FIGURES.kafka.lag_over_time.lines.keys()
    assert sum(int(each["requests"]) for each in rows("latency_distribution.csv")) == sum(
        map(sum, FIGURES.whole.latency_distribution.lines.values())
    )


def test_a_runs_part_of_a_day_names_its_run() -> None:
    assert {each["run"] for each in rows("metrics.csv", day_report())} == {"", RUN}


def test_what_was_not_measured_is_an_empty_cell() -> None:
    (rate,) = [each for each in rows("metrics.csv", empty_report()) if each["metric"] == "failure_rate"]
    assert rate["value"] == ""
    assert rows("flows.csv", empty_report()) == []


def test_a_name_from_outside_is_no_formula_for_a_spreadsheet() -> None:
    whole = msgspec.structs.replace(FIGURES.whole, failures={"=cmd|' /C calc'!A0": 1})
    report = msgspec.structs.replace(REPORT, figures=msgspec.structs.replace(FIGURES, whole=whole))
    assert "'=cmd|' /C calc'!A0" in {each["label"] for each in rows("metrics.csv", report)}


def test_the_page_names_every_file() -> None:
    assert [name for name, _ in descriptions()] == list(csv_files(REPORT))
