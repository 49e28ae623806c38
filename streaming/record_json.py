"""JSON as the value of a record: what every reader and PostgreSQL can hold, and why anything else is refused.

Reasons are cleaned and short whatever the record holds, since they are written to Kafka, PostgreSQL and logs themselves.
"""

import math
import unicodedata
from typing import Any

import msgspec

from streaming.errors import InvalidMessage

MAX_DEPTH = 64
MAX_REASON_BYTES = 1024
_NAME_BYTES = 100
_INTEGERS = range(-(2**63), 2**63)
_TOO_DEEP = f"nested deeper than {MAX_DEPTH} levels; flatten it"
_BYTE_ORDER_MARKS = {b"\xef\xbb\xbf": "UTF-8", b"\xff\xfe": "UTF-16", b"\xfe\xff": "UTF-16"}

# Where a value lies: the way to what holds it, and its name in there.
_Way = tuple[Any, str] | None


def parse(value: bytes | None) -> dict[str, Any]:
    """The JSON object in a record's value.

    Raises InvalidMessage with a reason that says what the value is instead, and what to do.
    """
    if value is None:
        raise InvalidMessage("the record has no value (a tombstone); nothing is deleted by key here: send a message or nothing")
    if foreign := _foreign(value):
        raise InvalidMessage(f"not JSON in UTF-8: {foreign}")
    try:
        raw = msgspec.json.decode(value)
    except RecursionError as err:
        raise InvalidMessage(f"not JSON that is read here: {_TOO_DEEP}") from err
    except (msgspec.DecodeError, UnicodeDecodeError) as err:
        raise InvalidMessage(cleaned(f"not JSON in UTF-8: {err}")) from err
    if not isinstance(raw, dict):
        raise InvalidMessage(f"a JSON object is expected, this is a {type(raw).__name__}")
    refuse_unstorable(raw)
    return raw


def refuse_unstorable(fields: dict[str, Any]) -> None:
    """Raise InvalidMessage for NUL in names or texts, NaN and infinity, integers beyond 64 bits, and more than 64 levels."""
    rest: list[tuple[Any, int, _Way]] = [(fields, 1, None)]
    while rest:
        value, depth, way = rest.pop()
        if isinstance(value, dict | list):
            if depth > MAX_DEPTH:
                raise InvalidMessage(cleaned(f"`{_path(way)}` is {_TOO_DEEP}"))
            if isinstance(value, list):
                rest.extend((item, depth + 1, (way, "[]")) for item in value)
                continue
            for name, item in value.items():
                inner = (way, name)
                if "\0" in name:
                    raise InvalidMessage(cleaned(f"the name `{_path(inner)}` holds a NUL character"))
                rest.append((item, depth + 1, inner))
        elif problem := _problem(value):
            raise InvalidMessage(cleaned(f"`{_path(way)}` {problem}"))


def cleaned(text: str) -> str:
    """The text as a reason: one line without control characters and lone surrogates, at most 1 KiB in UTF-8."""
    start = text[: MAX_REASON_BYTES + 1]
    return shortened("".join(map(_printable, start)), MAX_REASON_BYTES)


def shortened(text: str, most_bytes: int) -> str:
    """The text, cut so that it takes at most so many bytes in UTF-8."""
    raw = text[: most_bytes + 1].encode(errors="replace")
    if len(raw) <= most_bytes:
        return raw.decode()
    end = "…"
    return raw[: most_bytes - len(end.encode())].decode(errors="ignore") + end


def _foreign(value: bytes) -> str | None:
    """What else the bytes are known to be, and what to do about it."""
    for mark, encoding in _BYTE_ORDER_MARKS.items():
        if value.startswith(mark):
            return f"it begins with a byte-order mark of {encoding}; write UTF-8 without a mark"
    if value.startswith((b"\0{\0", b"{\0")):
        return "it is UTF-16; write UTF-8"
    if len(value) >= 5 and value[0] == 0:
        schema = int.from_bytes(value[1:5])
        return f"it is framed for a schema registry (magic byte 0, schema id {schema}); produce plain JSON, without a registry's serializer"
    return None


def _problem(value: Any) -> str | None:
    if isinstance(value, str) and "\0" in value:
        return "holds a NUL character"
    if isinstance(value, float) and not math.isfinite(value):
        return f"is {value}"
    if isinstance(value, int) and value not in _INTEGERS:
        return "is an integer out of range (64 bits with a sign); write it as text"
    return None


def _path(way: _Way) -> str:
    names = []
    while way is not None:
        way, name = way
        names.append(shortened(name, _NAME_BYTES))
    return ".".join(reversed(names)).replace(".[]", "[]")


def _printable(character: str) -> str:
    if character in "\t\n\r":
        return " "
    return "\ufffd" if unicodedata.category(character) in ("Cc", "Cs") else character
