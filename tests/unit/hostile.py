"""Records as nobody should write them: any bytes, any names and values, any depth, any size."""

import json
from typing import Any

from hypothesis import strategies as st

from streaming import topics

QUESTION_ID = "966e6a2b-590c-549e-bf1b-d05965eb3afe"
# Every required field of every topic, so that one change at a time makes a record invalid.
COMPLETE: dict[str, Any] = {
    "question_id": QUESTION_ID,
    "question_text": "Why is the sky blue?",
    "original_answer": "Air scatters blue light more.",
    "retry_count": 0,
    "timestamp": "2026-05-01T12:00:00Z",
    "llm_response": "Rayleigh",
    "response_time_ms": 5,
    "error_type": "overload",
    "error_message": "busy",
    "retry_after_seconds": 3,
    "bert_score": 0.4,
    "processing_attempts": 1,
    "total_processing_time_ms": 9,
}
NEARLY_8_MIB = topics.MAX_MESSAGE_BYTES - 2048

_TEXTS = st.text(st.characters(exclude_categories=()), max_size=20) | st.sampled_from(
    ["\0", "\ud800", "a\0b", "\x1b[2J", "\u202e", "9" * 50]
)
_LEAVES = st.none() | st.booleans() | st.integers() | st.sampled_from([2**31 - 1, 2**63, -(2**70)]) | st.floats() | _TEXTS
_VALUES = st.recursive(_LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_TEXTS, inner, max_size=3), max_leaves=8)
_NAMES = (
    st.sampled_from([*COMPLETE, "submission_id", "retries", "best_attempt", "created_at", "waited_ms", "accepted_as", "extra"]) | _TEXTS
)


def nested(levels: int, start: str = '{"question_id":"' + QUESTION_ID + '","a":') -> bytes:
    """An object with lists in it, so many levels in all."""
    return (start + "[" * (levels - 1) + "]" * (levels - 1) + "}").encode()


def _changed(changes: dict[str, Any], left_out: set[str]) -> bytes:
    return json.dumps({name: item for name, item in (COMPLETE | changes).items() if name not in left_out}).encode()


def _large(field: str, character: str, error: dict[str, Any]) -> bytes:
    escaped = len(json.dumps(character)) - 2
    return json.dumps(COMPLETE | error | {field: character * ((NEARLY_8_MIB - 1024) // escaped)}).encode()


def large_records() -> list[bytes]:
    """Invalid and valid records of nearly 8 MiB, each large in another place."""
    return [
        _large("question_text", "x", {"retry_count": -1}),
        _large("question_text", '"', {"retry_count": -1}),
        _large("question_text", "\x01", {"timestamp": 5}),
        _large("question_text", "\U0001f600", {"timestamp": 5}),
        _large("llm_response", "x", {}),
        _large("llm_response", " ", {}),
        _large("accepted_as", "x", {}),
        _large("accepted_as", "\0", {}),
        _large("submission_id", "x", {}),
        _large("question_id", "x", {}),
        json.dumps(COMPLETE | {"n" * NEARLY_8_MIB: "\0"})[:-1].encode() + b"}",
        json.dumps(COMPLETE | {"n" * (NEARLY_8_MIB - 100) + "\0": 1}).encode(),
        nested(NEARLY_8_MIB // 2),
        b"\xff" * NEARLY_8_MIB,
        b"\0" * NEARLY_8_MIB,
        b"1" * NEARLY_8_MIB,
    ]


changed_messages = st.builds(_changed, st.dictionaries(_NAMES, _VALUES, max_size=3), st.sets(st.sampled_from(list(COMPLETE)), max_size=1))
records = (
    st.none()
    | st.binary(max_size=200)
    | st.builds(lambda start, rest: start + rest, st.sampled_from([b"\0\0\0\0\7", b"\xef\xbb\xbf", b"\xff\xfe"]), changed_messages)
    | changed_messages
    | st.builds(nested, st.integers(2, 2000))
)
