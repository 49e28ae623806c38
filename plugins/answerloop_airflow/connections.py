"""The loop's addresses, from Airflow's connections; what no connection holds comes from the `ANSWERLOOP_*` variables."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, NamedTuple

from airflow.sdk import BaseHook
from airflow.sdk.exceptions import AirflowNotFoundException

if TYPE_CHECKING:
    from airflow.sdk import Connection

    from streaming.settings import Settings

API = "answerloop_api"
FLINK = "answerloop_flink"
JOB_SUBMITTER = "answerloop_job_submitter"
KAFKA = "answerloop_kafka"
POSTGRES = "answerloop_postgres"
# The same database with other rights: who has no such connections does everything with the one above.
POSTGRES_OWNER = "answerloop_postgres_owner"
POSTGRES_REPORTS = "answerloop_postgres_reports"
REDIS = "answerloop_redis"


class LoopConnections(NamedTuple):
    """The ids of the three connections through which the loop is reached."""

    api: str = API
    postgres: str = POSTGRES
    kafka: str = KAFKA


DEFAULT = LoopConnections()

# What the extra fields of a connection to Kafka may hold, in librdkafka's words, by the setting that it is.
_OF_KAFKA = {
    "kafka_bootstrap": "bootstrap.servers",
    "kafka_security_protocol": "security.protocol",
    "kafka_sasl_mechanism": "sasl.mechanism",
    "kafka_sasl_username": "sasl.username",
    "kafka_sasl_password": "sasl.password",  # nosec B105 # the name of a field
    "kafka_ssl_ca_location": "ssl.ca.location",
}


def loop_settings(conn_ids: LoopConnections = DEFAULT) -> Settings:
    """The settings of the loop behind these connections. Raises ConfigurationError."""
    return _settings(*map(BaseHook.get_connection, conn_ids))


def owner_settings() -> Settings:
    """The same, with the login that owns the tables."""
    return loop_settings(LoopConnections(postgres=_first_there_is(POSTGRES_OWNER, POSTGRES)))


def reports_settings() -> Settings:
    """The same, with the login that reads, and writes reports."""
    return loop_settings(LoopConnections(postgres=_first_there_is(POSTGRES_REPORTS, POSTGRES)))


def _first_there_is(wanted: str, otherwise: str) -> str:
    try:
        return BaseHook.get_connection(wanted).conn_id
    except AirflowNotFoundException:
        return otherwise


async def aloop_settings(conn_ids: LoopConnections = DEFAULT) -> Settings:
    """The same, from a trigger."""
    return _settings(*await asyncio.gather(*map(BaseHook.aget_connection, conn_ids)))


def _settings(api: Connection, postgres: Connection, kafka: Connection) -> Settings:
    from pydantic import SecretStr

    return kafka_settings(kafka).model_copy(
        update={
            "api_url": http_url(api),
            "api_token": SecretStr(api.password) if api.password else None,
            "database_url": "postgresql://" + postgres.get_uri().split("://", 1)[1],
            # Who has chosen the connection has chosen the login.
            "migration_database_url": None,
            "reports_database_url": None,
        }
    )


def kafka_settings(kafka: Connection) -> Settings:
    """The settings of this process with what the connection says of Kafka. Raises ConfigurationError."""
    from pydantic import SecretStr

    from streaming import settings
    from streaming.errors import ConfigurationError

    said = {field: kafka.extra_dejson[name] for field, name in _OF_KAFKA.items() if kafka.extra_dejson.get(name)}
    if "kafka_bootstrap" not in said:
        raise ConfigurationError(f"The connection {kafka.conn_id!r} has no `bootstrap.servers` in its extra fields: add it.")
    if "kafka_sasl_password" in said:
        said["kafka_sasl_password"] = SecretStr(said["kafka_sasl_password"])
    return settings.load().model_copy(update=said)


def http_url(connection: Connection) -> str:
    """`http://host:port` of a connection of type http."""
    port = f":{connection.port}" if connection.port else ""
    return f"{connection.schema or 'http'}://{connection.host}{port}"
