"""Luck that repeats: every draw comes from a hash of what it is about, so the order of calls changes nothing."""

import hashlib
import random


def uniform(*parts: object) -> float:
    """A number in [0, 1) that belongs to these parts."""
    return _digest(parts) / 2**64


def generator(*parts: object) -> random.Random:
    """A source of many draws that belongs to these parts."""
    return random.Random(_digest(parts))  # nosec B311 # the same parts give the same draws


def _digest(parts: tuple[object, ...]) -> int:
    text = "\x1f".join(str(part) for part in parts)
    return int.from_bytes(hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest())
