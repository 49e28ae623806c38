"""When the requests of an open loop are sent. Pure: the same plan and generator give the same times."""

import numpy as np
from numpy.typing import NDArray

from streaming.traffic.plan import Arrivals, TrafficPlan


def arrival_times(plan: TrafficPlan, rng: np.random.Generator) -> NDArray[np.float64]:
    """Seconds from the run's start, ascending, shape (requests,). The closed loop has none: its users decide."""
    numbers = np.arange(plan.requests, dtype=np.float64)
    times: NDArray[np.float64]
    match plan.arrivals:
        case Arrivals.CONSTANT:
            times = numbers / plan.rate
        case Arrivals.POISSON:
            times = np.cumsum(rng.exponential(1 / plan.rate, plan.requests))
        case Arrivals.BURST:
            times = np.floor(numbers / plan.burst_size) * (plan.burst_size / plan.rate)
        case Arrivals.RAMP:
            assert plan.final_rate is not None
            times = _ramp(numbers, plan.rate, plan.final_rate)
        case Arrivals.CLOSED:
            raise ValueError("a closed loop has no arrival times")
    return times


def _ramp(numbers: NDArray[np.float64], first: float, last: float) -> NDArray[np.float64]:
    """The rate goes from `first` to `last` in a straight line: request k comes when the area under that line is k."""
    slope = (last**2 - first**2) / (2 * len(numbers))
    times: NDArray[np.float64] = 2 * numbers / (first + np.sqrt(first**2 + 2 * slope * numbers))
    return times
