"""Every metric of the services, declared once; `services` says which exposes which. Times are in seconds, as Prometheus has it.

A service exposes its own alone: a gate that it does not have must not read as closed. Where the values of a label are known beforehand,
their series are there from the start: Prometheus sees no growth from nothing to 1.
"""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from streaming import topics

_LATENCY = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300)

# Kafka, every consuming service
CONSUMING = CollectorRegistry()
RECORDS = Counter("answerloop_records_total", "Records handed to the service.", ["service", "topic"], registry=CONSUMING)
DEAD_LETTERS = Counter("answerloop_dead_letters_total", "Records sent to dead-letters.", ["service", "topic"], registry=CONSUMING)
IN_FLIGHT = Gauge("answerloop_records_in_flight", "Records begun and not done.", ["service"], registry=CONSUMING)

# Kafka, every producing service
PRODUCING = CollectorRegistry()
PRODUCED = Counter("answerloop_produced_total", "Records acknowledged by Kafka.", ["topic"], registry=PRODUCING)

# the model consumer
MODEL = CollectorRegistry()
MODEL_CALLS = Counter("answerloop_model_calls_total", "Model calls by outcome.", ["outcome", "model"], registry=MODEL)
MODEL_LATENCY = Histogram("answerloop_model_call_seconds", "Duration of a model call.", ["outcome"], buckets=_LATENCY, registry=MODEL)
MODEL_IN_FLIGHT = Gauge("answerloop_model_calls_in_flight", "Model calls under way.", registry=MODEL)
MODEL_LIMIT = Gauge("answerloop_model_in_flight_limit", "How many model calls may be under way.", registry=MODEL)
MODEL_GATE = Gauge("answerloop_model_gate_open", "1 while the model is available, 0 while questions wait for it.", registry=MODEL)

# the retry consumers
RETRYING = CollectorRegistry()
RETRIES_WAITING = Gauge("answerloop_retries_waiting", "Retries that wait until they are due.", ["service"], registry=RETRYING)
RETRIES = Counter("answerloop_retries_total", "Errors by what followed.", ["service", "step"], registry=RETRYING)
RETRY_LATENESS = Histogram("answerloop_retry_lateness_seconds", "From due to forwarded.", ["service"], buckets=_LATENCY, registry=RETRYING)

# the owner of the score job
JOB = CollectorRegistry()
JOB_RUNNING = Gauge("answerloop_score_job_running", "1 while every task of the score job runs.", registry=JOB)
JOB_SUBMISSIONS = Counter(
    "answerloop_score_job_submissions_total", "Submissions by origin: checkpoint or offsets.", ["origin"], registry=JOB
)

# the storage API
API = CollectorRegistry()
QUESTIONS = Counter("answerloop_questions_total", "Questions posted, by what was answered.", ["reply"], registry=API)
CACHE_READS = Counter("answerloop_cache_reads_total", "Cache reads by result: hit, miss or unreachable.", ["result"], registry=API)
UNENQUEUED = Gauge("answerloop_questions_unenqueued", "Claimed questions that are not in Kafka yet.", registry=API)
CALLBACKS = Counter("answerloop_callbacks_total", "Tries to call back, by result: delivered, again or given_up.", ["result"], registry=API)
WAITERS = Gauge("answerloop_waiters", "Long polls open in this process.", registry=API)

# the persister
PERSISTING = CollectorRegistry()
PERSISTED = Counter("answerloop_persisted_total", "Messages stored, by topic and effect.", ["topic", "effect"], registry=PERSISTING)
PERSIST_BATCH = Histogram("answerloop_persist_batch_seconds", "Duration of a batch's transaction.", buckets=_LATENCY, registry=PERSISTING)
PERSIST_ROWS = Histogram(
    "answerloop_persist_batch_rows", "Messages in a batch.", buckets=(1, 2, 5, 10, 50, 100, 250, 500, 1000), registry=PERSISTING
)

# the sampler
SAMPLING = CollectorRegistry()
KAFKA_LAG = Gauge(
    "answerloop_kafka_lag", "Records of a partition that a group has not committed.", ["group", "topic", "partition"], registry=SAMPLING
)
KAFKA_END_OFFSET = Gauge(
    "answerloop_kafka_end_offset", "The offset that the next record of a partition will have.", ["topic", "partition"], registry=SAMPLING
)
KAFKA_OLDEST = Gauge(
    "answerloop_kafka_oldest_unconsumed_seconds",
    "Since when a group has had records of a topic to consume.",
    ["group", "topic"],
    registry=SAMPLING,
)
SAMPLES = Counter(
    "answerloop_samples_total",
    "Samples by source (Kafka, Flink, a service) and result: taken or failed.",
    ["source", "result"],
    registry=SAMPLING,
)


def _begin_at_zero() -> None:
    """The series whose labels are known beforehand."""
    for reply in ("claimed", "pending", "found_cache", "found_database", "error", "refused"):
        QUESTIONS.labels(reply)
    for result in ("hit", "miss", "unreachable"):
        CACHE_READS.labels(result)
    for result in ("delivered", "again", "given_up"):
        CALLBACKS.labels(result)
    for origin in ("checkpoint", "offsets"):
        JOB_SUBMISSIONS.labels(origin)
    for topic in topics.CONSUMED_BY[topics.STORAGE_PERSISTER]:
        for effect in ("attempt", "duplicate", "answered", "failed", "late", "dead_letter"):
            PERSISTED.labels(topic, effect)
    for source in ("kafka", "flink"):
        for result in ("taken", "failed"):
            SAMPLES.labels(source, result)


_begin_at_zero()
