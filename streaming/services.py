"""The loop's services, a row each: what starts one, where it listens, what it shows of itself. `topics.CONSUMED_BY` says what it reads.

A new service is a row here, a command in `__main__`, a port in deploy/local/ports.toml, and itself in the compose file and in Prometheus'
scrape configuration: tests hold all of them to this table.
"""

from dataclasses import dataclass

from prometheus_client import REGISTRY, CollectorRegistry, generate_latest

from streaming import topics
from streaming.metrics import API, CONSUMING, JOB, MODEL, PERSISTING, PRODUCING, RETRYING, SAMPLING

STORAGE_API = "storage_api"
JOB_SUBMITTER = "job_submitter"
SAMPLER = "sampler"


@dataclass(frozen=True)
class Service:
    """`name`: in messages, samples and logins, and of its consumer group; `command`: of `python -m streaming`, and of what runs it in
    every deployment; `port`: the name of its port in the local stack; `metrics`: what it exposes beside the state of its process."""

    name: str
    command: str
    port: str
    metrics: tuple[CollectorRegistry, ...]

    @property
    def topics(self) -> tuple[str, ...]:
        """What it reads."""
        return topics.CONSUMED_BY.get(self.name, ())

    def exposed(self) -> bytes:
        """The text of its /metrics."""
        return b"".join(generate_latest(registry) for registry in (REGISTRY, *self.metrics))


# In the order in which they are started.
SERVICES = (
    Service(STORAGE_API, "storage-api", "api", (API, PRODUCING)),
    Service(topics.STORAGE_PERSISTER, "storage-persister", "ops_storage_persister", (CONSUMING, PRODUCING, PERSISTING)),
    Service(topics.LLM_CONSUMER, "llm-consumer", "ops_llm_consumer", (CONSUMING, PRODUCING, MODEL)),
    Service(topics.RETRY_OVERLOAD, "retry-overload", "ops_retry_overload", (CONSUMING, PRODUCING, RETRYING)),
    Service(topics.RETRY_QUOTA, "retry-quota", "ops_retry_quota", (CONSUMING, PRODUCING, RETRYING)),
    Service(JOB_SUBMITTER, "job-submitter", "ops_job_submitter", (JOB,)),
    Service(SAMPLER, "sampler", "ops_sampler", (SAMPLING,)),
)
BY_NAME = {service.name: service for service in SERVICES}
