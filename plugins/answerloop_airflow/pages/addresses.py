"""Where the loop is, as the pages need to know it."""

from collections.abc import Callable
from dataclasses import dataclass

from airflow.sdk import BaseHook
from airflow.sdk.exceptions import AirflowNotFoundException

from answerloop_airflow import connections
from streaming.errors import ConfigurationError
from streaming.settings import Settings

DEFAULT_REDIS_PORT = 6379


@dataclass(frozen=True)
class Addresses:
    """`settings`: those of the loop, its API, Kafka and database (as who reads it) taken from Airflow's connections. `redis`: host:port."""

    settings: Settings
    flink_url: str
    job_submitter_url: str
    redis: str


WhereTheLoopIs = Callable[[], Addresses]


def from_connections() -> Addresses:
    """What Airflow's connections say now. Raises ConfigurationError that names the one that is missing."""
    try:
        flink, submitter, redis = map(BaseHook.get_connection, (connections.FLINK, connections.JOB_SUBMITTER, connections.REDIS))
        return Addresses(
            connections.reports_settings(),
            connections.http_url(flink),
            connections.http_url(submitter),
            redis=f"{redis.host}:{redis.port or DEFAULT_REDIS_PORT}",
        )
    except AirflowNotFoundException as err:
        raise ConfigurationError(f"{err}. Add the connection in Admin > Connections, or as AIRFLOW_CONN_... of the API server.") from err
