"""Where the loop is, as the pages need to know it."""

from collections.abc import Callable
from dataclasses import dataclass

from airflow.sdk import BaseHook
from airflow.sdk.exceptions import AirflowNotFoundException

from answerloop_airflow import connections
from streaming.errors import ConfigurationError
from streaming.settings import Settings


@dataclass(frozen=True)
class Addresses:
    """`settings`: those of the loop, its API and database taken from Airflow's connections."""

    settings: Settings
    flink_url: str
    job_submitter_url: str


WhereTheLoopIs = Callable[[], Addresses]


def from_connections() -> Addresses:
    """What Airflow's connections say now. Raises ConfigurationError that names the one that is missing."""
    try:
        return Addresses(
            connections.loop_settings(),
            *(connections.http_url(BaseHook.get_connection(each)) for each in (connections.FLINK, connections.JOB_SUBMITTER)),
        )
    except AirflowNotFoundException as err:
        raise ConfigurationError(f"{err}. Add the connection in Admin > Connections, or as AIRFLOW_CONN_... of the API server.") from err
