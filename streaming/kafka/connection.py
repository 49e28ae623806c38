"""A connection to the cluster as a whole, for those who change it (`admin`) and those who look at it (`positions`).

Every call blocks and has a deadline: run it in a thread from a coroutine.
"""

from collections.abc import Mapping
from concurrent.futures import Future
from typing import Any

import confluent_kafka as ck
from confluent_kafka import admin as ck_admin

from streaming.errors import ConfigurationError, Unreachable
from streaming.kafka.client import NO_LOGIN
from streaming.kafka.errors import AWAY, NOT_ALLOWED
from streaming.kafka.reports import Reports

DEADLINE_S = 15.0


class ClusterConnection:
    """Asks any broker of the cluster."""

    def __init__(self, bootstrap: str, login: Mapping[str, str] = NO_LOGIN) -> None:
        self._bootstrap = bootstrap
        self._reported = Reports()
        self._config: dict[str, Any] = {
            "bootstrap.servers": bootstrap,
            **login,
            "socket.connection.setup.timeout.ms": 5000,
            "error_cb": self._reported,
            "log_level": 2,  # its own log repeats on stderr what `error_cb` is told
        }
        self._admin = ck_admin.AdminClient(self._config)

    def topics(self) -> Mapping[str, int]:
        """Every topic that this login may see, and its number of partitions. Raises Unreachable, ConfigurationError."""
        try:
            found = self._admin.list_topics(timeout=DEADLINE_S).topics
        except ck.KafkaException as err:
            raise self._unreachable(err) from err
        return {name: len(topic.partitions) for name, topic in found.items() if topic.error is None}

    def _result(self, future: "Future[Any]") -> Any:
        try:
            return future.result(DEADLINE_S)
        except TimeoutError as err:
            raise Unreachable(f"Kafka at {self._bootstrap} does not answer within {DEADLINE_S:.0f} s") from err
        except ck.KafkaException as err:
            raise self._translated(err) from err

    def _translated(self, err: ck.KafkaException) -> Unreachable | ConfigurationError:
        error = err.args[0]
        if error.code() == ck.KafkaError.SECURITY_DISABLED:
            return ConfigurationError(f"Kafka at {self._bootstrap} lets everybody do everything: it has no `authorizer.class.name`")
        if error.code() in NOT_ALLOWED:
            return ConfigurationError(f"Kafka at {self._bootstrap} does not allow this to the login that asks: {error.name()}")
        if error.retriable() or error.code() in AWAY:
            return self._unreachable(err)
        return ConfigurationError(f"Kafka at {self._bootstrap}: {error.str()}")

    def _unreachable(self, err: ck.KafkaException) -> Unreachable | ConfigurationError:
        self._admin.poll(0)  # brings the reports of what was tried meanwhile
        if self._reported.refused:
            return self._reported.refusal()
        return Unreachable(f"Kafka at {self._bootstrap} cannot be reached ({err.args[0].str()}): is the stack up?")
