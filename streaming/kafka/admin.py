"""Topics and positions, as the cluster knows them. Every call blocks and has a deadline: run it in a thread from a coroutine."""

import time
from collections.abc import Callable, Collection, Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, TypeVar

import confluent_kafka as ck
from confluent_kafka import admin as ck_admin

from streaming.errors import ConfigurationError, Unreachable
from streaming.kafka.acls import EVERY, Rule, binding, exactly, rule_of
from streaming.kafka.client import NO_LOGIN, Committed, TopicPartition
from streaming.kafka.errors import AWAY, NOT_ALLOWED
from streaming.kafka.lag import Log
from streaming.kafka.reports import Reports
from streaming.topics import TopicSpec

T = TypeVar("T")

DEADLINE_S = 15.0

# Provisioning sets these on topics that exist: they decide of records to come alone, and a wrong value loses records. What else differs
# (partitions, retention) may be somebody's choice, and is reported.
REPAIRED = {"message.timestamp.type"}


@dataclass(frozen=True)
class Drift:
    """A topic that is not as declared."""

    topic: str
    setting: str
    declared: str
    actual: str

    def __str__(self) -> str:
        return f"{self.topic}: {self.setting} is {self.actual}, declared {self.declared}"


class KafkaAdmin:
    """An administrator's connection to the cluster."""

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
        self._observers: dict[str, ck.Consumer] = {}

    def topics(self) -> Mapping[str, int]:
        """Every topic that this login may see, and its number of partitions. Raises Unreachable, ConfigurationError."""
        try:
            found = self._admin.list_topics(timeout=DEADLINE_S).topics
        except ck.KafkaException as err:
            raise self._unreachable(err) from err
        return {name: len(topic.partitions) for name, topic in found.items() if topic.error is None}

    def create(self, specs: Collection[TopicSpec], replication_factor: int) -> list[str]:
        """Create the topics that are missing and wait until the cluster shows them. Returns their names."""
        present = self.topics()
        missing = [spec for spec in specs if spec.name not in present]
        new = [ck_admin.NewTopic(spec.name, spec.partitions, replication_factor, config=spec.config) for spec in missing]
        for name, future in self._admin.create_topics(new, operation_timeout=DEADLINE_S).items() if new else ():
            try:
                self._result(future)
            except ConfigurationError as err:
                cause = err.__cause__
                if not (isinstance(cause, ck.KafkaException) and cause.args[0].code() == ck.KafkaError.TOPIC_ALREADY_EXISTS):
                    raise ConfigurationError(f"topic {name} cannot be created: {err}") from err
        names = [spec.name for spec in missing]
        self._until_shown(names)
        return names

    def delete(self, names: Collection[str]) -> None:
        """Delete topics and what is in them."""
        for future in self._admin.delete_topics(list(names), operation_timeout=DEADLINE_S).values():
            self._result(future)

    def drift(self, specs: Collection[TopicSpec]) -> list[Drift]:
        """Where existing topics differ from what is declared."""
        partitions = self.topics()
        resources = [ck_admin.ConfigResource(ck_admin.ResourceType.TOPIC, spec.name) for spec in specs]
        configs = {resource.name: self._result(future) for resource, future in self._admin.describe_configs(resources).items()}
        found = []
        for spec in specs:
            if partitions[spec.name] != spec.partitions:
                found.append(Drift(spec.name, "partitions", str(spec.partitions), str(partitions[spec.name])))
            for setting, declared in spec.config.items():
                actual = str(configs[spec.name][setting].value)
                if actual != declared:
                    found.append(Drift(spec.name, setting, declared, actual))
        return found

    def repair(self, drifts: Collection[Drift]) -> list[Drift]:
        """Set what may be set on a topic in use (`REPAIRED`) to what is declared, and touch no other setting. Returns what was set.

        Raises Unreachable, ConfigurationError.
        """
        found = [drift for drift in drifts if drift.setting in REPAIRED]
        resources = [
            ck_admin.ConfigResource(
                ck_admin.ResourceType.TOPIC,
                drift.topic,
                incremental_configs=[
                    ck_admin.ConfigEntry(drift.setting, drift.declared, incremental_operation=ck_admin.AlterConfigOpType.SET)
                ],
            )
            for drift in found
        ]
        for future in self._admin.incremental_alter_configs(resources, request_timeout=DEADLINE_S).values() if resources else ():
            self._result(future)
        return found

    def partitions(self, topics: Collection[str]) -> list[TopicPartition]:
        """The partitions of these topics. Raises Unreachable, also for a topic that does not exist."""
        present = self.topics()
        missing = sorted(set(topics) - set(present))
        if missing:
            raise Unreachable(f"topics {', '.join(missing)} do not exist: run `python -m streaming provision`")
        return [TopicPartition(topic, partition) for topic in topics for partition in range(present[topic])]

    def end_offsets(self, topics: Collection[str]) -> dict[TopicPartition, int]:
        """The offset that the next record of each partition will have."""
        return self._offsets(topics, ck_admin.OffsetSpec.latest())

    def logs(self, topics: Collection[str]) -> dict[TopicPartition, Log]:
        """What each partition holds."""
        starts = self._offsets(topics, ck_admin.OffsetSpec.earliest())
        return {place: Log(starts[place], end) for place, end in self.end_offsets(topics).items()}

    def _offsets(self, topics: Collection[str], wanted: ck_admin.OffsetSpec) -> dict[TopicPartition, int]:
        places = {ck.TopicPartition(*partition): wanted for partition in self.partitions(topics)}
        results = self._admin.list_offsets(places, request_timeout=DEADLINE_S)
        return {TopicPartition(place.topic, place.partition): int(self._result(future).offset) for place, future in results.items()}

    def committed(self, group: str, partitions: Collection[TopicPartition]) -> dict[TopicPartition, int | None]:
        """The group's committed offset in each partition, None where it never committed."""
        return {place: position.offset for place, position in self.positions(group, partitions).items()}

    def positions(self, group: str, partitions: Collection[TopicPartition]) -> dict[TopicPartition, Committed]:
        """The group's position in each partition, with the commit's metadata."""
        try:
            places = self._observer(group).committed([ck.TopicPartition(*partition) for partition in partitions], timeout=DEADLINE_S)
            for place in places:
                if place.error is not None:
                    raise ck.KafkaException(place.error)
        except ck.KafkaException as err:
            raise self._translated(err) from err
        return {
            TopicPartition(place.topic, place.partition): Committed(place.offset if place.offset >= 0 else None, place.metadata or "")
            for place in places
        }

    def set_rules(self, wanted: Collection[Rule]) -> tuple[list[Rule], list[Rule]]:
        """Allow the logins of these rules just what the rules say; returns what is allowed now, and what no longer is.

        Rules of other logins, and those that allow nothing or hold for more than one name, are somebody's own and stay.
        """
        logins = {rule.login for rule in wanted}
        there = self._rules(logins)
        added, taken = sorted(set(wanted) - there), sorted(there - set(wanted))
        for future in self._admin.create_acls([binding(rule) for rule in added], request_timeout=DEADLINE_S).values() if added else ():
            self._result(future)
        for future in self._admin.delete_acls([exactly(rule) for rule in taken], request_timeout=DEADLINE_S).values() if taken else ():
            self._result(future)
        self._until(lambda: self._rules(logins) == set(wanted), "took the rules but does not keep to them")
        return added, taken

    def _rules(self, logins: Collection[str]) -> set[Rule]:
        known = self._result(self._admin.describe_acls(EVERY, request_timeout=DEADLINE_S))
        return {rule for each in known if (rule := rule_of(each)) is not None and rule.login in logins}

    def _observer(self, group: str) -> ck.Consumer:
        """Reads the group's positions without joining it. An administrator's request for them aborts the whole process when the group's
        coordinator goes away meanwhile (librdkafka issues 3663 and 4605)."""
        if group not in self._observers:
            self._observers[group] = ck.Consumer({**self._config, "group.id": group, "enable.auto.commit": False})
        return self._observers[group]

    def _until_shown(self, names: Collection[str]) -> None:
        self._until(lambda: self.topics().keys() >= set(names), f"created {', '.join(sorted(names))} but does not show them all")

    def _until(self, known: Callable[[], bool], otherwise: str) -> None:
        """Brokers learn of what was changed some time after it was acknowledged."""
        deadline = time.monotonic() + DEADLINE_S
        while not known():
            if time.monotonic() > deadline:
                raise Unreachable(f"Kafka at {self._bootstrap} {otherwise}")
            time.sleep(0.05)

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
