"""The messages are a contract with everyone who reads or writes the topics: these files are what they look like."""

import json
from pathlib import Path

import jsonschema
import pytest
import yaml

from streaming import asyncapi, contracts
from streaming.topics import CONSUMED_BY, TOPICS, TopicSpec

ROOT = Path(__file__).parent.parent.parent
GOLDEN = Path(__file__).parent / "golden"

REQUIRED = {
    "questions-pending": {"question_id", "question_text", "retry_count", "timestamp", "original_answer"},
    "llm-responses-success": {
        "question_id", "question_text", "llm_response", "original_answer", "retry_count", "response_time_ms", "timestamp",
    },
    "llm-responses-error-overload": {"question_id", "question_text", "error_type", "retry_count", "error_message", "timestamp"},
    "llm-responses-error-quota": {"question_id", "question_text", "error_type", "retry_count", "retry_after_seconds", "timestamp"},
    "llm-responses-error-fatal": {"question_id", "question_text", "error_type", "retry_count", "error_message", "timestamp"},
    "validated-responses": {
        "question_id", "question_text", "llm_response", "original_answer", "bert_score", "processing_attempts",
        "total_processing_time_ms", "timestamp",
    },
    "low-quality-responses": {
        "question_id", "question_text", "llm_response", "original_answer", "bert_score", "processing_attempts",
        "total_processing_time_ms", "timestamp",
    },
    "dead-letters": {"topic", "partition", "offset", "reason", "raw", "length", "sha256", "timestamp"},
}  # fmt: skip

each_topic = pytest.mark.parametrize("spec", TOPICS, ids=[spec.name for spec in TOPICS])


def golden(spec: TopicSpec) -> bytes:
    return (GOLDEN / f"{spec.name}.json").read_bytes()


@each_topic
def test_a_golden_message_is_written_back_field_for_field(spec: TopicSpec) -> None:
    assert json.loads(contracts.encode(contracts.decode(spec.message, golden(spec)))) == json.loads(golden(spec))


@each_topic
def test_the_required_fields_are_those_specified_and_suffice(spec: TopicSpec) -> None:
    required = REQUIRED[spec.name]
    bare = {name: item for name, item in json.loads(golden(spec)).items() if name in required}
    assert bare.keys() == required
    contracts.decode(spec.message, json.dumps(bare).encode())
    for name in required:
        with pytest.raises(contracts.InvalidMessage, match=name):
            contracts.decode(spec.message, json.dumps({key: item for key, item in bare.items() if key != name}).encode())


@each_topic
def test_the_asyncapi_schema_describes_the_golden_message(spec: TopicSpec) -> None:
    components = asyncapi.document()["components"]
    schema = {"$ref": f"#/components/schemas/{spec.message.__name__}", "components": components}
    jsonschema.Draft202012Validator(schema).validate(json.loads(golden(spec)))
    assert set(components["schemas"][spec.message.__name__]["required"]) == REQUIRED[spec.name]


def test_the_asyncapi_document_on_disk_is_what_the_contracts_say() -> None:
    on_disk = (ROOT / "docs" / "asyncapi.yaml").read_text()
    assert on_disk == asyncapi.as_yaml(), "run: python -m streaming asyncapi > docs/asyncapi.yaml"
    assert set(yaml.safe_load(on_disk)["channels"]) == set(REQUIRED)


def test_every_topic_of_the_loop_but_the_dead_letters_is_consumed_and_by_one_group_or_the_persister_too() -> None:
    consumed = {topic for topics in CONSUMED_BY.values() for topic in topics}
    assert consumed == set(REQUIRED) - {"dead-letters"}


def test_topics_keep_a_month_and_take_eight_mebibytes() -> None:
    for spec in TOPICS:
        assert spec.config["retention.ms"] == str(30 * 24 * 3600 * 1000)
        assert spec.config["max.message.bytes"] == str(8 * 1024 * 1024)
