"""Which service reads and writes what in Kafka: one table, from which the rules of a Kafka with logins are made.

A service's login has the service's name. Topics and tables are made by an administrator, whom Kafka itself names (`super.users`).
"""

from collections.abc import Iterator
from dataclasses import dataclass

from streaming import topics
from streaming.kafka.acls import DESCRIBE, GROUP, READ, TOPIC, WRITE, Rule
from streaming.kafka.admin import KafkaAdmin
from streaming.services import SAMPLER, STORAGE_API
from streaming.settings import Settings
from streaming.topics import CONSUMED_BY, DEAD_LETTERS, FATAL, LOW_QUALITY, OVERLOAD, PENDING, QUOTA, SUCCESS, TOPICS, VALIDATED

# Airflow's tasks and pages, and the commands for people: they see what is left to read.
AIRFLOW = "airflow"

WRITTEN_BY = {
    STORAGE_API: (PENDING, FATAL),
    topics.LLM_CONSUMER: (SUCCESS, OVERLOAD, QUOTA, FATAL, DEAD_LETTERS),
    topics.RETRY_OVERLOAD: (PENDING, FATAL, DEAD_LETTERS),
    topics.RETRY_QUOTA: (PENDING, FATAL, DEAD_LETTERS),
    topics.FLINK_SCORE_JOB: (VALIDATED, LOW_QUALITY, PENDING, FATAL, DEAD_LETTERS),
    topics.STORAGE_PERSISTER: (FATAL, DEAD_LETTERS),
}
OBSERVERS = (STORAGE_API, SAMPLER, AIRFLOW)


@dataclass(frozen=True)
class Granted:
    """What was changed for the logins of the table, and who they are."""

    logins: list[str]
    allowed: list[Rule]
    no_longer: list[Rule]


def rules() -> frozenset[Rule]:
    """The table as Kafka's rules."""
    return frozenset(_rules())


def _rules() -> Iterator[Rule]:
    for login, written in WRITTEN_BY.items():
        yield from (Rule(login, TOPIC, topic, WRITE) for topic in written)
    for group, consumed in CONSUMED_BY.items():
        yield Rule(group, GROUP, group, READ)
        yield from (Rule(group, TOPIC, topic, READ) for topic in consumed)
    for login in OBSERVERS:
        yield from (Rule(login, TOPIC, spec.name, DESCRIBE) for spec in TOPICS)
        yield from (Rule(login, GROUP, group, DESCRIBE) for group in CONSUMED_BY)


def grant(settings: Settings) -> Granted:
    """Have Kafka keep to the table. Idempotent. Raises Unreachable, ConfigurationError."""
    wanted = rules()
    allowed, no_longer = KafkaAdmin(settings.kafka_bootstrap, settings.kafka_login).set_rules(wanted)
    return Granted(sorted({rule.login for rule in wanted}), allowed, no_longer)
