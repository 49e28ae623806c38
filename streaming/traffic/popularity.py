"""Which question each request asks. Pure: the same plan and generator give the same questions."""

import numpy as np
from numpy.typing import NDArray

from streaming.traffic.plan import Popularity, TrafficPlan


def question_indices(plan: TrafficPlan, n: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Indices into a corpus of `n` questions in 0..n-1, shape (requests,). `plan.questions` narrows the corpus to its beginning."""
    n = min(n, plan.questions or n)
    match plan.popularity:
        case Popularity.UNIFORM:
            return rng.integers(0, n, plan.requests, dtype=np.int64)
        case Popularity.ZIPF:
            return _zipf(plan.zipf_exponent, n, plan.requests, rng)


def _zipf(exponent: float, n: int, size: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """The question of rank r is asked with a weight of r^-exponent; which question has which rank is drawn too."""
    cumulated = np.cumsum(np.arange(1, n + 1, dtype=np.float64) ** -exponent)
    ranks = np.searchsorted(cumulated, rng.random(size) * cumulated[-1], side="right")
    drawn: NDArray[np.int64] = rng.permutation(n)[np.minimum(ranks, n - 1)]
    return drawn
