"""Rules of who may do what to which topic or group, and Kafka's form of them."""

from typing import NamedTuple

from confluent_kafka.admin import AclBinding, AclBindingFilter, AclOperation, AclPermissionType, ResourcePatternType, ResourceType

TOPIC, GROUP = "topic", "group"
READ, WRITE, DESCRIBE = "read", "write", "describe"

_KINDS = {TOPIC: ResourceType.TOPIC, GROUP: ResourceType.GROUP}
_OPERATIONS = {READ: AclOperation.READ, WRITE: AclOperation.WRITE, DESCRIBE: AclOperation.DESCRIBE}
_USER = "User:"

_ANY = (ResourceType.ANY, None, ResourcePatternType.ANY, None, None, AclOperation.ANY, AclPermissionType.ANY)
EVERY = AclBindingFilter(*_ANY)  # type: ignore[arg-type] # None is any, which its types do not know


class Rule(NamedTuple):
    """A login may do this to the topic or group of this name; who reads or writes a topic also sees it."""

    login: str
    kind: str
    name: str
    operation: str

    def __str__(self) -> str:
        return f"{self.login}: {self.operation} {self.kind} {self.name}"


def binding(rule: Rule) -> AclBinding:
    """The rule as Kafka keeps it, for every host."""
    return AclBinding(*_parts(rule))


def exactly(rule: Rule) -> AclBindingFilter:
    """What finds this rule and no other."""
    return AclBindingFilter(*_parts(rule))


def rule_of(kept: AclBinding) -> Rule | None:
    """The rule of what Kafka keeps, None for what `binding` does not make."""
    kind = next((name for name, each in _KINDS.items() if each == kept.restype), None)
    operation = next((name for name, each in _OPERATIONS.items() if each == kept.operation), None)
    if kind is None or operation is None or not kept.principal.startswith(_USER):
        return None
    rule = Rule(kept.principal.removeprefix(_USER), kind, kept.name, operation)
    return rule if binding(rule) == kept else None


def _parts(
    rule: Rule,
) -> tuple[ResourceType, str, ResourcePatternType, str, str, AclOperation, AclPermissionType]:
    resource = (_KINDS[rule.kind], rule.name, ResourcePatternType.LITERAL)
    return (*resource, f"{_USER}{rule.login}", "*", _OPERATIONS[rule.operation], AclPermissionType.ALLOW)
