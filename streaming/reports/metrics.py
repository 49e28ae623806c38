"""Every figure of a report as rows: for the tables of its page and for metrics.csv."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from streaming.figures.run_summary import Percentiles
from streaming.figures.values import Figures, Flink, Kafka, Model, Whole
from streaming.reports.digits import count, duration, mebibytes, percent, score, significant


@dataclass(frozen=True)
class Metric:
    """One value. `part`: kafka, model, flink or whole. `label` tells values of one metric apart: a topic, a cause, a percentile.

    `value` is as it was measured, None where there is nothing to say; `text` is it as people read it, in the cell of `table`, `row` and
    `column`.
    """

    part: str
    metric: str
    label: str
    value: float | None
    unit: str
    text: str
    table: str
    row: str
    column: str = "value"


# What a unit is called, and how its values are written.
_WRITTEN: Mapping[str, Callable[[float | None], str]] = {
    "questions": count,
    "requests": count,
    "answers": count,
    "calls": count,
    "records": count,
    "messages": count,
    "ms": duration,
    "per second": lambda value: f"{significant(value)} /s" if value is not None else significant(value),
    "share": percent,
    "F1": score,
    "cores": significant,
    "slots": significant,
    "MiB": mebibytes,
}


def metrics(figures: Figures) -> list[Metric]:
    """All of them, in the order of the page: Kafka, model, Flink, the whole."""
    return [*_kafka(figures.kafka), *_model(figures.model), *_flink(figures.flink), *_whole(figures.whole)]


def _kafka(kafka: Kafka) -> Iterator[Metric]:
    for lag in kafka.lag:
        at = f"{lag.topic} / {lag.group}"
        for name in ("mean", "largest", "last"):
            yield _metric("kafka", f"lag_{name}", at, getattr(lag, name), "records", table="Lag, in records", row=at, column=name)
    for taken in kafka.throughput:
        yield _metric("kafka", "records", taken.topic, taken.records, "records", table="Records taken", row=taken.topic, column="records")
        yield _metric(
            "kafka", "throughput", taken.topic, taken.per_s, "per second", table="Records taken", row=taken.topic, column="throughput"
        )
    for topic, latency in kafka.produce_to_consume.items():
        yield from _percentiles("kafka", "produce_to_consume", latency, "From produced to consumed", topic, topic)
    queue = {"table": "Questions in the queue", "row": "questions-pending"}
    yield _metric("kafka", "mean_queue_size", "", kafka.mean_queue_size, "questions", **queue, column="mean")
    yield _metric("kafka", "largest_queue_size", "", kafka.largest_queue_size, "questions", **queue, column="largest")


def _model(model: Model) -> Iterator[Metric]:
    yield _metric("model", "calls", "", model.calls, "calls", table="Calls", row="all")
    yield from _counts("model", "outcomes", model.outcomes, "calls", "Calls")
    for outcome, calls in sorted(model.outcomes.items()):
        share = calls / model.calls if model.calls else None
        yield _metric("model", "outcome_share", outcome, share, "share", table="Shares of the calls", row=outcome)
    for metric, row, counts in (("error_share", "error", model.errors), ("overload_share", "overload", model.overloads)):
        for kind, calls in sorted(counts.items()):
            share = calls / model.calls if model.calls else None
            yield _metric("model", metric, kind, share, "share", table="Shares of the calls", row=f"{row}: {kind}")
    for name, row in (("latency", "successful calls"), ("failed_latency", "calls without success"), ("all_latency", "all calls")):
        yield _metric("model", f"mean_{name}", "", getattr(model, f"mean_{name}"), "ms", table="Latency", row=row, column="mean")
        yield from _percentiles("model", name, getattr(model, name), "Latency", row)
    for cause, retries in sorted(model.retries.items()):
        for name in ("needed", "made", "succeeded"):
            yield _metric(
                "model", f"retries_{name}", cause, getattr(retries, name), "calls", table="Calls made again", row=cause, column=name
            )
    yield from _counts("model", "errors", model.errors, "calls", "Errors")
    yield from _counts("model", "overloads", model.overloads, "calls", "Overloads")
    yield _metric("model", "mean_in_flight", "", model.mean_in_flight, "calls", table="Slots", row="calls in flight, mean")
    yield _metric("model", "mean_slots", "", model.mean_slots, "slots", table="Slots", row="slots, mean")
    yield _metric("model", "slot_use", "", model.slot_use, "share", table="Slots", row="use of the slots")


def _flink(flink: Flink) -> Iterator[Metric]:
    came = flink.scores
    for name, (unit, row) in _SCORES.items():
        yield _metric("flink", name, "", getattr(came, name), unit, table="Scores", row=row)
    yield _metric("flink", "threshold", "", flink.threshold, "F1", table="Scores", row="threshold")
    yield _metric("flink", "extra_calls", "", flink.extra_calls, "calls", table="Scores", row="model calls for low scores")
    yield from _percentiles("flink", "event_time_lag", flink.event_time_lag, "Event-time lag", "scoring behind messages")
    yield from _percentiles("flink", "watermark_lag", flink.watermark_lag, "Event-time lag", "watermark behind the clock")


_SCORES = {
    "answered": ("answers", "answers"),
    "scored": ("answers", "answers scored"),
    "unscored": ("answers", "answers without a reference"),
    "best_attempts": ("answers", "accepted as best attempt"),
    "mean_first": ("F1", "score of first attempts, mean"),
    "mean_final": ("F1", "score of final answers, mean"),
    "regenerated": ("answers", "asked again for a low score"),
    "regeneration_rate": ("share", "asked again, of those scored"),
    "helped": ("answers", "got better by it"),
    "regenerated_mean_first": ("F1", "their first score, mean"),
    "regenerated_mean_final": ("F1", "their final score, mean"),
    "mean_improvement": ("F1", "score gained by it, mean"),
}


def _whole(whole: Whole) -> Iterator[Metric]:
    yield _metric("whole", "requests", "", whole.requests, "requests", table="Requests", row="all")
    for metric, part in (("first", "first reply"), ("final", "in the end")):
        yield from _counts("whole", metric, getattr(whole, metric), "requests", "Requests", f"{part}: ")
    for name, row in (("from_cache", "found in the cache"), ("from_database", "found in the database"), ("reused", "of another run")):
        yield _metric("whole", name, "", getattr(whole, name), "requests", table="Requests", row=row)
    yield _metric("whole", "questions_per_s", "", whole.questions_per_s, "per second", table="Requests", row="throughput")
    yield _metric(
        "whole", "asked_per_s", "", whole.asked_per_s, "per second", table="Requests", row="throughput, without what was found at once"
    )
    for name, row in (("perceived", "perceived: to the first reply"), ("real", "real: to the answer")):
        yield _metric("whole", f"mean_{name}", "", getattr(whole, f"mean_{name}"), "ms", table="Latency", row=row, column="mean")
        yield from _percentiles("whole", name, getattr(whole, name), "Latency", row)
    yield _metric("whole", "answered", "", whole.answered, "questions", table="Questions", row="answered")
    yield _metric("whole", "failed", "", whole.failed, "questions", table="Questions", row="failed")
    yield _metric("whole", "failure_rate", "", whole.failure_rate, "share", table="Questions", row="failure rate")
    yield from _counts("whole", "failures", whole.failures, "questions", "Questions", "failed: ")
    for name in whole.replays.__struct_fields__:
        yield _metric("whole", "replays", name, getattr(whole.replays, name), "questions", table="Questions", row=f"replays: {name}")
    yield _metric("whole", "dead_letters", "", whole.dead_letters, "messages", table="Questions", row="dead letters")
    for field in whole.stages.__struct_fields__:
        stage = field.removesuffix("_ms")
        yield _metric("whole", "stage", stage, getattr(whole.stages, field), "ms", table="Mean time per stage", row=stage)
    for service in whole.services:
        for name, unit, column in _USED:
            value = getattr(service, name)
            yield _metric("whole", name, service.service, value, unit, table="Services", row=service.service, column=column)


_USED = (
    ("mean_cpu", "cores", "cores, mean"),
    ("largest_cpu", "cores", "largest"),
    ("mean_memory_mib", "MiB", "memory, mean"),
    ("largest_memory_mib", "MiB", "most memory"),
)


def _metric(part: str, metric: str, label: str, value: float | None, unit: str, *, table: str, row: str, column: str = "value") -> Metric:
    return Metric(part, metric, label, value, unit, _WRITTEN[unit](value), table, row, column)


def _percentiles(part: str, metric: str, of: Percentiles, table: str, row: str, label: str = "") -> Iterator[Metric]:
    for at in of.__struct_fields__:
        yield _metric(part, metric, f"{label} {at}".strip(), getattr(of, at), "ms", table=table, row=row, column=at)


def _counts(part: str, metric: str, of: Mapping[str, int], unit: str, table: str, before: str = "") -> Iterator[Metric]:
    for name, number in sorted(of.items()):
        yield _metric(part, metric, name, number, unit, table=table, row=f"{before}{name}")
