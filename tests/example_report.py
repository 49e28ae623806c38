"""A report as an experiment of a thousand requests leaves it, and one of a day on which nothing happened."""

import itertools
import math
from datetime import UTC, datetime, timedelta

import msgspec

from streaming.figures.buckets import Histogram, Series
from streaming.figures.run_summary import Percentiles, Replays, Retries, Scores, Stages
from streaming.figures.scope import Kind, Scope
from streaming.figures.values import CalibrationQuote, Figures, Flink, Flow, Kafka, Lag, Model, Report, Service, Throughput, Whole

START = datetime(2026, 11, 22, 21, 40, tzinfo=UTC)
NONE = Percentiles(None, None, None, None, None)
NO_STAGES = Stages(None, None, None, None, None)
RUN = "manual__2026-11-22T21:40:00+00:00"


def _bell(edges: list[float], centre: float, width: float, total: int) -> list[int]:
    weights = [math.exp(-0.5 * (((low + high) / 2 - centre) / width) ** 2) for low, high in itertools.pairwise(edges)]
    return [round(total * weight / sum(weights)) for weight in weights]


SCORE_EDGES = [round(-0.1 + 0.05 * index, 2) for index in range(23)]
LATENCY_EDGES = [10 ** (power / 8) for power in range(41)]
BUCKETS = 60


def _over_time() -> Series:
    asked = [12.5 + 2 * math.sin(index / 3) if index < 32 else 0.0 for index in range(BUCKETS)]
    answered = [max(0.0, min(9.4, index * 0.9)) * (1 if index < 46 else 0.35) for index in range(BUCKETS)]
    failed = [0.4 if 20 < index < 40 and index % 3 == 0 else 0.0 for index in range(BUCKETS)]
    pending = [max(0.0, 190 * math.exp(-(((index - 30) / 13) ** 2)) - 1) for index in range(BUCKETS)]
    gap = slice(25, 27)
    answered[gap], pending[gap] = [None, None], [None, None]  # type: ignore[list-item]
    return Series(START, 5.0, {"asked": asked, "answered": answered, "failed": failed, "pending": [p and round(p) for p in pending]})


def _lag() -> Series:
    def hump(height: float, centre: float) -> list[float | None]:
        return [round(height * math.exp(-(((index - centre) / 4) ** 2))) for index in range(20)]

    return Series(
        START,
        15.0,
        {
            "questions-pending / llm_consumer_service": hump(182, 10),
            "llm-responses-success / flink_score_job": hump(41, 11),
            "llm-responses-error-overload / retry_overload_consumer": hump(23, 9),
            "llm-responses-error-quota / retry_quota_consumer": hump(4, 12),
            "validated-responses / storage_persister": hump(9, 12),
            "low-quality-responses / storage_persister": hump(7, 11),
            "llm-responses-error-fatal / storage_persister": hump(1, 10),
        },
    )


def figures(kind: Kind = Kind.RUN, *, simulated: bool = True) -> Figures:
    """Of a run, or of the day that the run was on."""
    until = START + timedelta(minutes=5)
    subject, since = RUN, START
    if kind is Kind.DAY:
        since = START.replace(hour=0, minute=0)
        subject, until = f"{since:%Y-%m-%d}", since + timedelta(days=1)
    model = "llama3.2:1b (simulated)" if simulated else "llama3.2:1b"
    return Figures(
        scope=Scope(kind, subject, since, until, RUN if kind is Kind.RUN else None, "drained", "sample", {model: 1184}, simulated),
        empty=False,
        kafka=Kafka(
            lag=[
                Lag("questions-pending", "llm_consumer_service", 61.4, 182, 0),
                Lag("llm-responses-success", "flink_score_job", 9.75, 41, 0),
                Lag("validated-responses", "storage_persister", 2.1, 9, 0),
            ],
            lag_over_time=_lag(),
            throughput=[Throughput("questions-pending", 1204, 4.0133), Throughput("validated-responses", 779, 2.5967)],
            produce_to_consume={
                "questions-pending": Percentiles(812.4, 4210.0, 6120.5, 8001.2, 8440.9),
                "validated-responses": Percentiles(4.2, 9.9, 14.8, 40.25, 95.5),
                "llm-responses-error-overload / retry_overload_consumer": Percentiles(6.75, 21.5, 44.25, 81.5, 90.5),
            },
            mean_queue_size=57.25,
            largest_queue_size=182,
        ),
        model=Model(
            calls=1184,
            outcomes={"success": 1066, "overload": 92, "quota": 11, "fatal": 15},
            latency=Percentiles(152.3, 251.9, 301.2, 455.8, 1204.4),
            retries={"overload": Retries(81, 74, 92), "quota": Retries(11, 9, 11), "quality": Retries(317, 204, 378)},
            errors={"overload": 92, "quota": 11, "model_missing": 15},
            mean_in_flight=5.82,
            mean_slots=8.4,
            slot_use=0.6929,
            mean_latency=168.25,
            failed_latency=Percentiles(88.5, 60_011.2, 120_003.5, 120_009.75, 120_010.0),
            mean_failed_latency=20_410.5,
            all_latency=Percentiles(150.5, 262.25, 460.5, 90_002.5, 120_010.0),
            mean_all_latency=2_186.75,
            overloads={"http_503": 61, "http_429": 9, "deadline": 18, "broken_reply": 3, "reset": 1},
        ),
        flink=Flink(
            scores=Scores(779, 771, 8, 61, 0.7012, 0.8127, 238, 0.3087, 171, 0.1934),
            score_distribution=Histogram(
                SCORE_EDGES,
                {
                    "first": [a + b for a, b in zip(_bell(SCORE_EDGES, 0.85, 0.07, 533), _bell(SCORE_EDGES, 0.42, 0.16, 238), strict=True)],
                    "final": [a + b for a, b in zip(_bell(SCORE_EDGES, 0.86, 0.06, 710), _bell(SCORE_EDGES, 0.58, 0.1, 61), strict=True)],
                },
            ),
            threshold=0.75,
            extra_calls=317,
            event_time_lag=Percentiles(120.0, 480.0, 655.5, 1210.0, 1500.0),
            watermark_lag=Percentiles(1180.0, 1520.0, 1700.25, 2250.0, 2610.0),
        ),
        whole=Whole(
            requests=1000,
            first={"found": 189, "pending": 802, "error": 6, "refused": 3},
            final={"answered": 961, "failed": 34, "unresolved": 2, "refused": 3},
            from_cache=171,
            from_database=18,
            reused=12,
            perceived=Percentiles(6.41, 14.2, 21.75, 80.2, 412.0),
            real=Percentiles(2412.0, 9120.0, 14210.4, 31875.0, 48210.0),
            latency_distribution=Histogram(
                LATENCY_EDGES,
                {
                    "perceived": _bell(list(range(41)), 7.1, 1.9, 997),
                    "real": [
                        a + b for a, b in zip(_bell(list(range(41)), 6.4, 1.5, 189), _bell(list(range(41)), 27.5, 3.4, 772), strict=True)
                    ],
                },
            ),
            questions_per_s=3.2171,
            answered=779,
            failed=27,
            failure_rate=27 / 806,
            failures={"overload_exhausted": 9, "model_missing": 13, "quota_exhausted": 3, "unscorable": 2},
            stages=Stages(3120.4, 214.6, 388.2, 2871.5, 41.9),
            services=[
                Service("llm_consumer_service", 0.214, 0.71, 88.4, 93.1),
                Service("flink_score_job", 0.82, 1.94, 1391.0, 1466.2),
                Service("storage_persister", 0.061, 0.33, 79.2, 81.0),
            ],
            over_time=_over_time(),
            flows=[
                Flow("asked", "found at once", 189),
                Flow("asked", "model call", 808),
                Flow("asked", "refused", 3),
                Flow("asked again", "model call", 376),
                Flow("best attempt", "answered", 57),
                Flow("fatal", "failed", 15),
                Flow("model call", "fatal", 15),
                Flow("model call", "overload", 92),
                Flow("model call", "quota", 11),
                Flow("model call", "success", 1066),
                Flow("overload", "asked again", 81),
                Flow("overload", "best attempt", 2),
                Flow("overload", "failed", 9),
                Flow("passed", "answered", 714),
                Flow("quota", "asked again", 8),
                Flow("quota", "failed", 3),
                Flow("success", "asked again", 287),
                Flow("success", "best attempt", 55),
                Flow("success", "passed", 714),
                Flow("success", "under way", 2),
                Flow("success", "unscored", 8),
                Flow("unscored", "answered", 8),
            ],
            replays=Replays(10, 7, 3),
            dead_letters=2,
            asked_per_s=2.5871,
        ),
    )


QUOTE = CalibrationQuote("all-MiniLM-L6-v2 layer 6 on sample", "all-MiniLM-L6-v2 layer 6", "sample", 0.75, 0.0004, 0.214, 0.62)


def run_report(*, simulated: bool = True) -> Report:
    return Report(figures(simulated=simulated), calibration=QUOTE)


def day_report(day: int = 22) -> Report:
    """Of a day of November with one run; the figures differ a little from day to day."""
    report = figures(Kind.DAY)
    since = START.replace(hour=0, minute=0, day=day)
    scope = msgspec.structs.replace(report.scope, subject=f"{since:%Y-%m-%d}", since=since, until=since + timedelta(days=1))
    whole = msgspec.structs.replace(report.whole, failed=27 + 3 * (22 - day), failure_rate=(27 + 3 * (22 - day)) / 806)
    return Report(msgspec.structs.replace(report, scope=scope, whole=whole), runs=[figures()], calibration=QUOTE)


def empty_report(kind: Kind = Kind.DAY) -> Report:
    """Nothing happened."""
    return Report(
        Figures(
            scope=Scope(
                kind, "2026-11-21" if kind is Kind.DAY else RUN, START.replace(day=21, hour=0, minute=0), START.replace(hour=0, minute=0)
            ),
            empty=True,
            kafka=Kafka([], None, [], {}, None, None),
            model=Model(0, {}, NONE, {}, {}, None, None, None),
            flink=Flink(Scores(0, 0, 0, 0, None, None, 0, None, 0, None), None, 0.75, 0, NONE),
            whole=Whole(0, {}, {}, 0, 0, 0, NONE, NONE, None, None, 0, 0, None, {}, NO_STAGES, [], None, [], Replays(0, 0, 0), 0),
        )
    )
