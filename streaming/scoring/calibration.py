"""What a threshold on the score means: the rates at which it accepts unrelated answers and refuses matched ones. Pure.

A score at or above the threshold is accepted, as in the score job. A rate is a share of pairs; its interval is Wilson's, at 95 %.
"""

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import groupby
from math import sqrt
from statistics import fmean, quantiles

import msgspec

from streaming.scoring.calibration_pairs import VARIANT_OF, Group

# Thresholds are recommended to three decimals: finer than the intervals of any sample that fits here.
STEPS = 1000
DIGITS = 6
FEW_FALSE_ACCEPTS = 0.01
Z_95 = 1.959964


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


class Spread(msgspec.Struct, frozen=True):
    """A distribution in short."""

    mean: float
    p5: float
    p25: float
    p50: float
    p75: float
    p95: float


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


def samples_of(scored: Sequence[tuple[Group, str, float]]) -> list[Sample]:
    """The scores by group and kind, rounded, ascending: groups in their declared order, kinds in that of the alphabet."""
    groups = list(Group)
    ordered = sorted((groups.index(group), kind, round(score, DIGITS)) for group, kind, score in scored)
    return [Sample(groups[group], kind, [score for *_, score in each]) for (group, kind), each in groupby(ordered, key=lambda one: one[:2])]


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
        share(_accepted(unrelated, threshold), len(unrelated)),
        share(len(matched) - _accepted(matched, threshold), len(matched)),
        share(_accepted(same_topic, threshold), len(same_topic)) if same_topic else None,
    )


def recommended(samples: Sequence[Sample]) -> float | None:
    """The threshold with the largest J = 1 - false accept rate - false reject rate: W. J. Youden, Index for rating diagnostic tests,
    Cancer 3 (1950). Of thresholds that are equally good, the middle of the longest stretch.

    None where none has J above 0: nothing separates the two. Raises ValueError without a matched or an unrelated pair.
    """
    matched, unrelated = scores_of(samples, Group.MATCHED), scores_of(samples, Group.UNRELATED)
    if not matched or not unrelated:
        raise ValueError("a threshold needs matched and unrelated pairs")
    # J times both counts, in whole numbers: equally good is then exactly equal.
    gains = [
        _accepted(matched, step / STEPS) * len(unrelated) - _accepted(unrelated, step / STEPS) * len(matched) for step in range(STEPS + 1)
    ]
    if (best := max(gains)) <= 0:
        return None
    stretches = [[step for step, _ in each] for is_best, each in groupby(enumerate(gains), key=lambda one: one[1] == best) if is_best]
    longest = max(stretches, key=len)
    return longest[(len(longest) - 1) // 2] / STEPS


def strict(samples: Sequence[Sample]) -> float | None:
    """The smallest threshold, to three decimals, that accepts at most 1 % of the unrelated pairs; None if even 1 accepts more."""
    unrelated = scores_of(samples, Group.UNRELATED)
    return next(
        (step / STEPS for step in range(STEPS + 1) if _accepted(unrelated, step / STEPS) <= FEW_FALSE_ACCEPTS * len(unrelated)), None
    )


def spread(scores: Sequence[float]) -> Spread:
    """The distribution in short, by linear interpolation between scores. Raises ValueError without a score."""
    if not scores:
        raise ValueError("a distribution of nothing")
    cuts = quantiles(scores, n=20, method="inclusive") if len(scores) > 1 else [scores[0]] * 19
    return Spread(fmean(scores), cuts[0], cuts[4], cuts[9], cuts[14], cuts[18])


def calibration(
    *,
    scorer: str,
    dataset: str,
    seed: int,
    questions: int,
    started_at: datetime,
    finished_at: datetime,
    samples: Sequence[Sample],
    left_out: Mapping[str, int],
    threshold: float,
) -> Calibration:
    """The calibration that these scores make. Raises ValueError without a matched or an unrelated pair."""
    best, strictest = recommended(samples), strict(samples)
    return Calibration(
        scorer=scorer,
        dataset=dataset,
        seed=seed,
        questions=questions,
        started_at=started_at,
        finished_at=finished_at,
        samples=samples,
        left_out=left_out,
        threshold=threshold,
        in_use=rates_at(samples, threshold),
        recommended=best,
        at_recommended=None if best is None else rates_at(samples, best),
        strict=strictest,
        at_strict=None if strictest is None else rates_at(samples, strictest),
    )


def _accepted(ascending: Sequence[float], threshold: float) -> int:
    return len(ascending) - bisect_left(ascending, threshold)
