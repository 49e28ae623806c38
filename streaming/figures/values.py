"""The figures of a report: what a day or a run came to, as plain values that SQL fills, charts draw and JSON and CSV carry.

Times are UTC, durations milliseconds unless a name says otherwise. None and an empty mapping mean that there is nothing to say, never zero.
"""

from collections.abc import Mapping, Sequence

import msgspec

from streaming.figures.buckets import Histogram, Series
from streaming.figures.run_summary import NO_PERCENTILES, Percentiles, Replays, Retries, Scores, Stages
from streaming.figures.scope import Scope


class Lag(msgspec.Struct, frozen=True):
    """Records that a group has not consumed of a topic, over all partitions: mean and largest of the samples, and the last one."""

    topic: str
    group: str
    mean: float
    largest: int
    last: int


class Throughput(msgspec.Struct, frozen=True):
    """Records that a topic took between the first and the last sample of the scope."""

    topic: str
    records: int
    per_s: float | None


class Kafka(msgspec.Struct, frozen=True):
    """`produce_to_consume`: by topic, from the message's time to its consumer's. `queue_size`: questions waiting in `questions-pending`."""

    lag: Sequence[Lag]
    lag_over_time: Series | None  # by "topic / group"
    throughput: Sequence[Throughput]
    produce_to_consume: Mapping[str, Percentiles]
    mean_queue_size: float | None
    largest_queue_size: int | None


class Model(msgspec.Struct, frozen=True):
    """Model calls. `errors`: by kind of error. Slot use: calls in flight on average, of the slots that the consumer allowed itself."""

    calls: int
    outcomes: Mapping[str, int]  # success, overload, quota, fatal
    latency: Percentiles  # of successful calls, as is `mean_latency`
    retries: Mapping[str, Retries]  # by cause: overload, quota, quality
    errors: Mapping[str, int]
    mean_in_flight: float | None
    mean_slots: float | None
    slot_use: float | None  # 0..1
    mean_latency: float | None = None
    failed_latency: Percentiles = NO_PERCENTILES  # of calls without success: deadlines, errors
    mean_failed_latency: float | None = None
    all_latency: Percentiles = NO_PERCENTILES
    mean_all_latency: float | None = None
    overloads: Mapping[str, int] = {}  # by kind: http_503, deadline, ...


class Flink(msgspec.Struct, frozen=True):
    """Scores; `extra_calls`: model calls made again for a low score. `event_time_lag`: how far scoring runs behind the messages' times.

    `watermark_lag`: how far the job's watermark is behind the clock when a record has been scored.
    """

    scores: Scores
    score_distribution: Histogram | None  # lines: first, final
    threshold: float
    extra_calls: int
    event_time_lag: Percentiles
    watermark_lag: Percentiles = NO_PERCENTILES


class Service(msgspec.Struct, frozen=True):
    """What a service used: cores on average and at most, MiB of memory on average and at most."""

    service: str
    mean_cpu: float | None
    largest_cpu: float | None
    mean_memory_mib: float | None
    largest_memory_mib: float | None


class Flow(msgspec.Struct, frozen=True):
    """So many questions (or attempts of them) went from one station of the loop to another."""

    source: str
    target: str
    count: int


class Whole(msgspec.Struct, frozen=True):
    """The loop end to end. `perceived`: intended to first reply. `real`: intended to answer. Failure rate: failed of all that ended."""

    requests: int
    first: Mapping[str, int]  # requests by first reply: found, pending, error, refused
    final: Mapping[str, int]  # requests by end: answered, failed, unresolved, refused
    from_cache: int
    from_database: int
    reused: int
    perceived: Percentiles
    real: Percentiles
    latency_distribution: Histogram | None  # lines: perceived, real; edges in ms, even on a log axis
    questions_per_s: float | None
    answered: int
    failed: int
    failure_rate: float | None  # 0..1
    failures: Mapping[str, int]  # by cause
    stages: Stages
    services: Sequence[Service]
    over_time: Series | None  # lines: asked, answered, failed (per second), pending (questions at the bucket's end)
    flows: Sequence[Flow]
    replays: Replays
    dead_letters: int | None  # of the time that the scope covers, whoever sent them
    mean_perceived: float | None = None  # ms
    mean_real: float | None = None  # ms
    asked_per_s: float | None = None  # `questions_per_s` without those that were told their end at once


class CalibrationQuote(msgspec.Struct, frozen=True):
    """What the newest calibration of the scorer in use says of the threshold in use. Rates are 0..1.

    `variants`: share of the matched answers that are variants of the reference, made by rules; real answers are refused more often.
    """

    subject: str
    scorer: str
    dataset: str
    threshold: float
    false_accept_rate: float
    false_reject_rate: float
    recommended: float
    variants: float | None = None


class Figures(msgspec.Struct, frozen=True):
    """One scope's figures; `empty`: nothing happened in it."""

    scope: Scope
    empty: bool
    kafka: Kafka
    model: Model
    flink: Flink
    whole: Whole


class Report(msgspec.Struct, frozen=True):
    """A day or a run; `runs`: a day's runs, each with its part of the day."""

    figures: Figures
    runs: Sequence[Figures] = ()
    calibration: CalibrationQuote | None = None
