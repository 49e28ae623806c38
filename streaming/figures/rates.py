"""The rates at which a threshold accepts unrelated answers and refuses matched ones, and the calibration that they come from. Pure.

A score at or above the threshold is accepted, as in the score job. A rate is a share of pairs; its interval is Wilson's, at 95 %.
"""

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from math import sqrt

import msgspec

Z_95 = 1.959964
# Begins the kind of a matched answer that is a variant of its reference.
VARIANT_OF = "variant: "


class Group(StrEnum):
    """What an answer and its reference have to do with each other."""

    MATCHED = "matched"  # of one question
    UNRELATED = "unrelated"  # of two questions: the null
    SAME_TOPIC = "same topic"  # of two questions of one topic: a harder null
    SIMULATED = "simulated"  # of one question, the answer made by the simulator


class Share(msgspec.Struct, frozen=True):
    """`count` of `of`, as a rate with its 95 % interval; all 0..1."""

    count: int
    of: int
    rate: float
    low: float
    high: float


class Rates(msgspec.Struct, frozen=True):
    """What a threshold does. `same_topic`: false accepts among unrelated answers of one topic; None without such pairs."""

    threshold: float
    false_accepts: Share
    false_rejects: Share
    same_topic: Share | None


class Sample(msgspec.Struct, frozen=True):
    """The scores of one kind of pair, ascending."""

    group: Group
    kind: str
    scores: Sequence[float]


class Calibration(msgspec.Struct, frozen=True):
    """The scores of a dataset's pairs with one scorer, and what follows for the threshold.

    `threshold`: in use. `recommended`: where false accepts and false rejects add up to least; None if no threshold does better than chance.
    `strict`: the smallest with at most 1 % false accepts; None if there is none up to 1. `left_out`: what was not scored, by reason.
    """

    scorer: str
    dataset: str
    seed: int
    questions: int
    started_at: datetime
    finished_at: datetime
    samples: Sequence[Sample]
    left_out: Mapping[str, int]
    threshold: float
    in_use: Rates
    recommended: float | None
    at_recommended: Rates | None
    strict: float | None
    at_strict: Rates | None

    @property
    def subject(self) -> str:
        """What a later calibration of the same replaces."""
        return f"{self.scorer} on {self.dataset}"

    @property
    def simulated(self) -> bool:
        """Whether answers of the simulator were scored too."""
        return any(sample.group is Group.SIMULATED for sample in self.samples)


def share(count: int, of: int) -> Share:
    """The rate and its score interval: E. B. Wilson, Probable inference, JASA 22 (1927). Raises ValueError for a share of nothing."""
    if of < 1:
        raise ValueError("a share of nothing")
    rate, z2 = count / of, Z_95**2
    centre = (rate + z2 / (2 * of)) / (1 + z2 / of)
    half = Z_95 * sqrt(rate * (1 - rate) / of + z2 / (4 * of * of)) / (1 + z2 / of)
    # At the ends both terms are equal, but for the last bit.
    return Share(count, of, rate, centre - half if count else 0.0, centre + half if count < of else 1.0)


def scores_of(samples: Sequence[Sample], group: Group) -> list[float]:
    """All scores of a group, ascending."""
    return sorted(score for sample in samples if sample.group is group for score in sample.scores)


def variants(samples: Sequence[Sample]) -> Share:
    """How many of the matched answers are variants of their reference. Raises ValueError without a matched pair."""
    matched = [sample for sample in samples if sample.group is Group.MATCHED]
    made = sum(len(sample.scores) for sample in matched if sample.kind.startswith(VARIANT_OF))
    return share(made, sum(len(sample.scores) for sample in matched))


def rates_at(samples: Sequence[Sample], threshold: float) -> Rates:
    """What this threshold does. Raises ValueError without a matched or an unrelated pair."""
    matched, unrelated, same_topic = (scores_of(samples, each) for each in (Group.MATCHED, Group.UNRELATED, Group.SAME_TOPIC))
    return Rates(
        threshold,
        share(accepted(unrelated, threshold), len(unrelated)),
        share(len(matched) - accepted(matched, threshold), len(matched)),
        share(accepted(same_topic, threshold), len(same_topic)) if same_topic else None,
    )


def accepted(ascending: Sequence[float], threshold: float) -> int:
    """How many of these scores the threshold accepts."""
    return len(ascending) - bisect_left(ascending, threshold)
