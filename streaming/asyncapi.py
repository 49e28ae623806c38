"""The AsyncAPI document of the loop's topics, generated from the contracts so that it cannot differ from them."""

from typing import Any

import msgspec
import yaml

from streaming.topics import CONSUMED_BY, TOPICS

# Missing in a message made by hand, these follow from its other fields; their stand-in default means nothing to a reader.
_DERIVED = {"submission_id", "created_at", "submitted_at", "accepted_as"}
# How unknown fields are kept in memory; in a message they lie beside the others.
_INTERNAL = "extra"


def document() -> dict[str, Any]:
    """AsyncAPI 3.0: a channel and a message per topic, a receive operation per consumer group."""
    _, schemas = msgspec.json.schema_components([spec.message for spec in TOPICS], ref_template="#/components/schemas/{name}")
    for schema in schemas.values():
        _clean(schema)
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Answerloop",
            "version": "1.0.0",
            "description": "The messages of the question loop: JSON in UTF-8, key = question_id. Unknown fields are kept and passed on.",
        },
        "defaultContentType": "application/json",
        "channels": {
            spec.name: {
                "address": spec.name,
                "description": (spec.message.__doc__ or "").strip(),
                "messages": {spec.message.__name__: {"$ref": f"#/components/messages/{spec.message.__name__}"}},
                "bindings": {"kafka": {"partitions": spec.partitions, "topicConfiguration": _kafka_config(spec.config)}},
            }
            for spec in TOPICS
        },
        "operations": {
            f"{group}.{topic}": {
                "action": "receive",
                "channel": {"$ref": f"#/channels/{topic}"},
                "bindings": {"kafka": {"groupId": {"type": "string", "const": group}}},
            }
            for group, topics in CONSUMED_BY.items()
            for topic in topics
        },
        "components": {
            "messages": {
                spec.message.__name__: {
                    "payload": {"$ref": f"#/components/schemas/{spec.message.__name__}"},
                    "bindings": {"kafka": {"key": {"type": "string", "format": "uuid", "description": "the question_id"}}},
                }
                for spec in TOPICS
            },
            "schemas": schemas,
        },
    }


def as_yaml() -> str:
    """The document as it lies in `docs/asyncapi.yaml`."""
    return yaml.safe_dump(document(), sort_keys=False, allow_unicode=True, width=120)


def _clean(schema: dict[str, Any]) -> None:
    properties = schema.get("properties", {})
    properties.pop(_INTERNAL, None)
    for name in _DERIVED & properties.keys():
        properties[name].pop("default", None)


def _kafka_config(config: dict[str, str]) -> dict[str, Any]:
    """What AsyncAPI's Kafka binding knows of a topic's configuration, in its types."""
    numbers = {name: int(config[name]) for name in ("max.message.bytes", "retention.ms", "retention.bytes")}
    return {"cleanup.policy": [config["cleanup.policy"]], **numbers}
