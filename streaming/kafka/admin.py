"""Topics, their settings and what logins may do, as the cluster has them and as they are declared."""

import time
from collections.abc import Callable, Collection
from dataclasses import dataclass

import confluent_kafka as ck
from confluent_kafka import admin as ck_admin

from streaming.errors import ConfigurationError, Unreachable
from streaming.kafka.acls import EVERY, Rule, binding, exactly, rule_of
from streaming.kafka.connection import DEADLINE_S, ClusterConnection
from streaming.topics import TopicSpec

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


class KafkaAdmin(ClusterConnection):
    """An administrator's connection to the cluster."""

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

    def _until_shown(self, names: Collection[str]) -> None:
        self._until(lambda: self.topics().keys() >= set(names), f"created {', '.join(sorted(names))} but does not show them all")

    def _until(self, known: Callable[[], bool], otherwise: str) -> None:
        """Brokers learn of what was changed some time after it was acknowledged."""
        deadline = time.monotonic() + DEADLINE_S
        while not known():
            if time.monotonic() > deadline:
                raise Unreachable(f"Kafka at {self._bootstrap} {otherwise}")
            time.sleep(0.05)
