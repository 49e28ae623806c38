"""A fault of the matrix: what is asked, what the model does, and what is done to the stack in the middle of it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from random import Random
from typing import Any

from tests.chaos.stack import ChaosStack

MIXED: Mapping[str, Any] = {
    "overload_503": 0.04,
    "overload_429_seconds": 0.02,
    "quota_402": 0.02,
    "quota_429": 0.02,
    "error_500": 0.02,
    "retry_after_min_s": 1,
    "retry_after_max_s": 2,
}
QUALITY: Mapping[str, Any] = {"poor": 0.15, "always_poor": 0.03, "improves": 0.5}


@dataclass(frozen=True, kw_only=True)
class Fault:
    """`strike` does the fault and returns once the stack is whole again, or will be by itself. It runs in a thread.

    Raises NotHealed. `ends`: programs whose process it ends; every other one must live through it. `repeats`: model calls that may be made
    again because of it. `rewinds`: groups whose offsets it moves back on purpose.
    `scored`: questions with a reference; `unscored`: those without.
    """

    name: str
    strike: Callable[[ChaosStack, Random], None]
    scored: int = 60
    unscored: int = 90
    rate: float = 12.0
    strike_after_s: tuple[float, float] = (3.0, 8.0)
    model: Mapping[str, Any] = field(default_factory=lambda: MIXED)
    quality: Mapping[str, Any] = field(default_factory=lambda: QUALITY)
    ends: frozenset[str] = frozenset()
    repeats: int = 0
    rewinds: frozenset[str] = frozenset()
