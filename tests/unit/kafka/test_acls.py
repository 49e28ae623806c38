"""Rules in Kafka's form and back."""

import pytest
from confluent_kafka.admin import AclBinding, AclOperation, AclPermissionType, ResourcePatternType, ResourceType

from streaming.access import rules
from streaming.kafka.acls import GROUP, READ, Rule, binding, rule_of

RULE = Rule("me", GROUP, "mine", READ)
OURS = (ResourceType.GROUP, "mine", ResourcePatternType.LITERAL, "User:me", "*", AclOperation.READ, AclPermissionType.ALLOW)


def test_a_rule_survives_kafka() -> None:
    assert binding(RULE) == AclBinding(*OURS)
    assert {rule_of(binding(rule)) for rule in rules()} == rules()


@pytest.mark.parametrize(
    ("place", "other"),
    [
        (0, ResourceType.TRANSACTIONAL_ID),
        (2, ResourcePatternType.PREFIXED),
        (3, "Group:me"),
        (4, "127.0.0.1"),
        (5, AclOperation.ALTER),
        (6, AclPermissionType.DENY),
    ],
)
def test_what_somebody_else_has_ruled_is_no_rule_of_ours(place: int, other: object) -> None:
    kept = [*OURS[:place], other, *OURS[place + 1 :]]
    assert rule_of(AclBinding(*kept)) is None
