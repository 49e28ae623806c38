"""Every figure of a report as rows: for the tables of its page and for metrics.csv."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from streaming.reports.digits import count, duration, mebibytes, percent, score, significant
from streaming.reports.figures import Figures, Flink, Kafka, Model, Whole
from streaming.reports.run_summary import Percentiles


@dataclass(frozen=True)
class Metric:
    """One value. `part`: kafka, model, flink or whole. `label` tells values of one metric apart: a topic, a cause, a percentile.

    `value` is as it was measured, None where there is nothing to say; `text` is it as people read it.
    """

    part: str
    metric: str
    label: str
    value: float | None
    unit: str
    text: str
    title: str


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
        for name in ("mean", "largest", "last"):
            yield _metric("kafka", f"lag_{name}", f"{lag.topic} / {lag.group}", getattr(lag, name), "records", f"lag, {name}")
    for throughput in kafka.throughput:
        yield _metric("kafka", "records", throughput.topic, throughput.records, "records", "records taken")
        yield _metric("kafka", "throughput", throughput.topic, throughput.per_s, "per second", "throughput")
    for topic, latency in kafka.produce_to_consume.items():
        yield from _percentiles("kafka", "produce_to_consume", latency, "produced to consumed", topic)
    yield _metric("kafka", "mean_queue_size", "", kafka.mean_queue_size, "questions", "questions in the queue, mean")
    yield _metric("kafka", "largest_queue_size", "", kafka.largest_queue_size, "questions", "questions in the queue, largest")


def _model(model: Model) -> Iterator[Metric]:
    yield _metric("model", "calls", "", model.calls, "calls", "model calls")
    yield from _counts("model", "outcomes", model.outcomes, "calls", "model calls by outcome")
    yield from _percentiles("model", "latency", model.latency, "latency of successful calls")
    for cause, retries in sorted(model.retries.items()):
        yield _metric("model", "retries_made", cause, retries.made, "calls", "calls made again")
        yield _metric("model", "retries_succeeded", cause, retries.succeeded, "calls", "calls made again that succeeded")
    yield from _counts("model", "errors", model.errors, "calls", "errors")
    yield _metric("model", "mean_in_flight", "", model.mean_in_flight, "calls", "calls in flight, mean")
    yield _metric("model", "mean_slots", "", model.mean_slots, "slots", "slots, mean")
    yield _metric("model", "slot_use", "", model.slot_use, "share", "use of the slots")


def _flink(flink: Flink) -> Iterator[Metric]:
    scores = flink.scores
    yield _metric("flink", "threshold", "", flink.threshold, "F1", "threshold")
    for name in ("answered", "scored", "unscored", "best_attempts", "regenerated", "helped"):
        yield _metric("flink", name, "", getattr(scores, name), "answers", _SCORES[name])
    yield _metric("flink", "mean_first", "", scores.mean_first, "F1", "score of first attempts, mean")
    yield _metric("flink", "mean_final", "", scores.mean_final, "F1", "score of final answers, mean")
    yield _metric("flink", "regeneration_rate", "", scores.regeneration_rate, "share", "asked again for a low score")
    yield _metric("flink", "mean_improvement", "", scores.mean_improvement, "F1", "score gained by asking again, mean")
    yield _metric("flink", "extra_calls", "", flink.extra_calls, "calls", "model calls for low scores")
    yield from _percentiles("flink", "event_time_lag", flink.event_time_lag, "event-time lag")


_SCORES = {
    "answered": "answers",
    "scored": "answers scored",
    "unscored": "answers without a reference to score by",
    "best_attempts": "answers accepted as the best attempt",
    "regenerated": "answers asked for again",
    "helped": "answers that got better",
}


def _whole(whole: Whole) -> Iterator[Metric]:
    yield _metric("whole", "requests", "", whole.requests, "requests", "requests")
    yield from _counts("whole", "first", whole.first, "requests", "requests by first reply")
    yield from _counts("whole", "final", whole.final, "requests", "requests by end")
    yield _metric("whole", "from_cache", "", whole.from_cache, "requests", "found in the cache")
    yield _metric("whole", "from_database", "", whole.from_database, "requests", "found in the database")
    yield _metric("whole", "reused", "", whole.reused, "requests", "answered for another run")
    yield from _percentiles("whole", "perceived", whole.perceived, "perceived latency")
    yield from _percentiles("whole", "real", whole.real, "real latency")
    yield _metric("whole", "questions_per_s", "", whole.questions_per_s, "per second", "throughput")
    yield _metric("whole", "answered", "", whole.answered, "questions", "questions answered")
    yield _metric("whole", "failed", "", whole.failed, "questions", "questions failed")
    yield _metric("whole", "failure_rate", "", whole.failure_rate, "share", "failure rate")
    yield from _counts("whole", "failures", whole.failures, "questions", "failures by cause")
    for field in whole.stages.__struct_fields__:
        yield _metric("whole", "stage", field.removesuffix("_ms"), getattr(whole.stages, field), "ms", "mean time in stage")
    for service in whole.services:
        yield _metric("whole", "mean_cpu", service.service, service.mean_cpu, "cores", "CPU, mean")
        yield _metric("whole", "largest_cpu", service.service, service.largest_cpu, "cores", "CPU, largest")
        yield _metric("whole", "mean_memory", service.service, service.mean_memory_mib, "MiB", "memory, mean")
        yield _metric("whole", "largest_memory", service.service, service.largest_memory_mib, "MiB", "memory, largest")
    for name in whole.replays.__struct_fields__:
        yield _metric("whole", "replays", name, getattr(whole.replays, name), "questions", "failures asked again")
    yield _metric("whole", "dead_letters", "", whole.dead_letters, "messages", "dead letters")


def _metric(part: str, metric: str, label: str, value: float | None, unit: str, title: str) -> Metric:
    return Metric(part, metric, label, value, unit, _WRITTEN[unit](value), title)


def _percentiles(part: str, metric: str, of: Percentiles, title: str, label: str = "") -> Iterator[Metric]:
    for at in of.__struct_fields__:
        yield _metric(part, metric, f"{label} {at}".strip(), getattr(of, at), "ms", title)


def _counts(part: str, metric: str, of: Mapping[str, int], unit: str, title: str) -> Iterator[Metric]:
    for name, number in sorted(of.items()):
        yield _metric(part, metric, name, number, unit, title)
