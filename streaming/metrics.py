"""Every metric of the services, declared once. Times are in seconds, as Prometheus has it."""

from prometheus_client import Counter, Gauge, Histogram

_LATENCY = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300)

# Kafka, every consuming service
RECORDS = Counter("answerloop_records_total", "Records handed to the service.", ["service", "topic"])
DEAD_LETTERS = Counter("answerloop_dead_letters_total", "Records sent to dead-letters.", ["service", "topic"])
IN_FLIGHT = Gauge("answerloop_records_in_flight", "Records begun and not done.", ["service"])
PRODUCED = Counter("answerloop_produced_total", "Records acknowledged by Kafka.", ["topic"])

# the model consumer
MODEL_CALLS = Counter("answerloop_model_calls_total", "Model calls by outcome.", ["outcome", "model"])
MODEL_LATENCY = Histogram("answerloop_model_call_seconds", "Duration of a model call.", ["outcome"], buckets=_LATENCY)
MODEL_IN_FLIGHT = Gauge("answerloop_model_calls_in_flight", "Model calls under way.")
MODEL_LIMIT = Gauge("answerloop_model_in_flight_limit", "How many model calls may be under way.")
MODEL_GATE = Gauge("answerloop_model_gate_open", "1 while the model is available, 0 while questions wait for it.")

# the retry consumers
RETRIES_WAITING = Gauge("answerloop_retries_waiting", "Retries that wait until they are due.", ["service"])
RETRIES = Counter("answerloop_retries_total", "Errors by what followed.", ["service", "step"])
RETRY_LATENESS = Histogram("answerloop_retry_lateness_seconds", "From due to forwarded.", ["service"], buckets=_LATENCY)

# the owner of the score job
JOB_RUNNING = Gauge("answerloop_score_job_running", "1 while every task of the score job runs.")
JOB_SUBMISSIONS = Counter("answerloop_score_job_submissions_total", "Submissions by origin: checkpoint or offsets.", ["origin"])

# storage
QUESTIONS = Counter("answerloop_questions_total", "Questions posted, by what was answered.", ["reply"])
CACHE_READS = Counter("answerloop_cache_reads_total", "Cache reads by result: hit, miss or unreachable.", ["result"])
UNENQUEUED = Gauge("answerloop_questions_unenqueued", "Claimed questions that are not in Kafka yet.")
WAITERS = Gauge("answerloop_waiters", "Long polls open in this process.")
PERSISTED = Counter("answerloop_persisted_total", "Messages stored, by topic and effect.", ["topic", "effect"])
PERSIST_BATCH = Histogram("answerloop_persist_batch_seconds", "Duration of a batch's transaction.", buckets=_LATENCY)
PERSIST_ROWS = Histogram("answerloop_persist_batch_rows", "Messages in a batch.", buckets=(1, 2, 5, 10, 50, 100, 250, 500, 1000))

# the sampler
KAFKA_LAG = Gauge("answerloop_kafka_lag", "Records of a partition that a group has not committed.", ["group", "topic", "partition"])
KAFKA_END_OFFSET = Gauge("answerloop_kafka_end_offset", "The offset that the next record of a partition will have.", ["topic", "partition"])
KAFKA_OLDEST = Gauge(
    "answerloop_kafka_oldest_unconsumed_seconds", "Since when a group has had records of a topic to consume.", ["group", "topic"]
)
SAMPLES = Counter("answerloop_samples_total", "Samples of Kafka and Flink by result: taken or failed.", ["source", "result"])
