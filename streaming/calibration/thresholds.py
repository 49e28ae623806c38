"""Which threshold to use: what a calibration recommends, from the scores of its pairs. Pure."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import groupby
from statistics import fmean, quantiles

import msgspec

from streaming.figures.rates import Calibration, Group, Sample, accepted, rates_at, scores_of

# Thresholds are recommended to three decimals: finer than the intervals of any sample that fits here.
STEPS = 1000
DIGITS = 6
FEW_FALSE_ACCEPTS = 0.01


class Spread(msgspec.Struct, frozen=True):
    """A distribution in short."""

    mean: float
    p5: float
    p25: float
    p50: float
    p75: float
    p95: float


def samples_of(scored: Sequence[tuple[Group, str, float]]) -> list[Sample]:
    """The scores by group and kind, rounded, ascending: groups in their declared order, kinds in that of the alphabet."""
    groups = list(Group)
    ordered = sorted((groups.index(group), kind, round(score, DIGITS)) for group, kind, score in scored)
    return [Sample(groups[group], kind, [score for *_, score in each]) for (group, kind), each in groupby(ordered, key=lambda one: one[:2])]


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
        accepted(matched, step / STEPS) * len(unrelated) - accepted(unrelated, step / STEPS) * len(matched) for step in range(STEPS + 1)
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
        (step / STEPS for step in range(STEPS + 1) if accepted(unrelated, step / STEPS) <= FEW_FALSE_ACCEPTS * len(unrelated)), None
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
