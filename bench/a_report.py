"""A report with every figure filled in, for what shows reports without having made one."""

from datetime import datetime, timedelta

from streaming.reports.figures import (
    Figures,
    Flink,
    Flow,
    Histogram,
    Kafka,
    Kind,
    Lag,
    Model,
    Report,
    Scope,
    Series,
    Service,
    Throughput,
    Whole,
)
from streaming.reports.run_summary import Percentiles, Replays, Retries, Scores, Stages

BUCKETS = 120
LATENCY = Percentiles(180.0, 420.0, 800.0, 2400.0, 9000.0)


def a_report(kind: Kind, subject: str, since: datetime, requests: int = 5000) -> Report:
    """Invented figures, in plausible proportion to each other."""
    failed = requests // 40
    answered = requests - failed
    wave = [float(10 + i % 7) for i in range(BUCKETS)]
    topics = ("questions-pending", "llm-responses-success", "validated-responses")
    return Report(
        Figures(
            scope=Scope(
                kind=kind,
                subject=subject,
                since=since,
                until=since + timedelta(minutes=10),
                run_id=subject if kind is Kind.RUN else None,
                state="drained" if kind is Kind.RUN else None,
                dataset="sample",
                models={"llama3.2:1b (simulated)": requests},
                simulated=True,
            ),
            empty=False,
            kafka=Kafka(
                lag=[Lag(topic, "group_of_" + topic, 4.2, 40, 0) for topic in topics],
                lag_over_time=Series(since, 5.0, {f"{topic} / group_of_{topic}": wave for topic in topics}),
                throughput=[Throughput(topic, requests, 12.5) for topic in topics],
                produce_to_consume={"questions-pending": LATENCY},
                mean_queue_size=3.0,
                largest_queue_size=40,
            ),
            model=Model(
                calls=requests + requests // 4,
                outcomes={"success": requests, "overload": requests // 5, "quota": requests // 50, "fatal": failed},
                latency=LATENCY,
                retries={"overload": Retries(requests // 5, requests // 6), "quality": Retries(requests // 5, requests // 7)},
                errors={"overload": requests // 5},
                mean_in_flight=6.0,
                mean_slots=8.0,
                slot_use=0.75,
            ),
            flink=Flink(
                scores=Scores(answered, answered, 0, requests // 20, 0.72, 0.83, requests // 5, 0.2, requests // 6, 0.2),
                score_distribution=Histogram(
                    [i / 40 for i in range(41)], {"first": [i * 3 for i in range(40)], "final": [i * 4 for i in range(40)]}
                ),
                threshold=0.75,
                extra_calls=requests // 5,
                event_time_lag=LATENCY,
            ),
            whole=Whole(
                requests=requests,
                first={"found": requests // 3, "pending": requests - requests // 3},
                final={"answered": answered, "failed": failed},
                from_cache=requests // 4,
                from_database=requests // 12,
                reused=0,
                perceived=LATENCY,
                real=LATENCY,
                latency_distribution=Histogram(
                    [10 ** (i / 8) for i in range(41)], {"perceived": list(range(40)), "real": list(range(40, 0, -1))}
                ),
                questions_per_s=12.5,
                answered=answered,
                failed=failed,
                failure_rate=failed / requests,
                failures={"overload_exhausted": failed},
                stages=Stages(118.0, 270.0, 372.0, 996.0, 158.0),
                services=[Service(name, 0.2, 0.9, 140.0, 200.0) for name in ("storage_api", "llm_consumer_service")],
                over_time=Series(since, 5.0, dict.fromkeys(("asked", "answered", "failed", "pending"), wave)),
                flows=[Flow("asked", "found", requests // 3), Flow("asked", "pending", requests - requests // 3)],
                replays=Replays(0, 0, 0),
                dead_letters=0,
            ),
        )
    )
