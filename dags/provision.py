"""Makes the loop ready to work: topics, tables, the score job.

Everything here is idempotent: run it after an upgrade, after a component was replaced, or to see whether a topic has drifted from what
the project declares (the log of `topics_and_tables` says so). Of what exists, a setting that would lose records is set as declared
(`repaired`); anything else is only told (`drift`).
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from airflow.sdk import dag, task

from answerloop_airflow.connections import owner_settings
from answerloop_airflow.operators.score_job import EnsureScoreJobOperator
from answerloop_airflow.sentences import told_in_a_sentence


@dag(
    schedule=None,
    doc_md=__doc__,
    description="Topics, tables and the score job, where they are missing.",
    tags=["answerloop", "setup"],
    default_args={"owner": "answerloop", "retries": 2, "retry_delay": timedelta(seconds=5)},
)
def provision() -> None:
    """Topics and tables first: the score job reads and writes them."""

    @task
    def topics_and_tables() -> dict[str, Any]:
        """What was created, what was set right, what differs, and the topics as the cluster has them now."""
        from streaming.kafka.admin import KafkaAdmin
        from streaming.provision import provision

        with told_in_a_sentence():
            settings = owner_settings()
            done = provision(settings)
            found = KafkaAdmin(settings.kafka_bootstrap, settings.kafka_login).topics()
        return {
            "topics_created": done.topics_created,
            "migrations_applied": done.migrations_applied,
            "repaired": [str(each) for each in done.repaired],
            "drift": [str(each) for each in done.drift],
            "logins_granted": done.logins_granted,
            "partitions": {name: count for name, count in sorted(found.items()) if not name.startswith("__")},
        }

    topics_and_tables() >> EnsureScoreJobOperator(task_id="score_job")


provision()
