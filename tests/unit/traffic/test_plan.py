"""Plans, arrival times and popularity."""

import numpy as np
import pytest

from streaming.errors import UserError
from streaming.traffic.arrivals import arrival_times
from streaming.traffic.plan import TrafficPlan, checked
from streaming.traffic.popularity import question_indices


def plan(**fields: object) -> TrafficPlan:
    return checked(**{"dataset": "d", "requests": 2000, "rate": 50.0, **fields})


def rng(seed: int = 3) -> np.random.Generator:
    return np.random.default_rng(seed)


@pytest.mark.parametrize("arrivals", [{}, {"arrivals": "constant"}, {"arrivals": "burst"}, {"arrivals": "ramp", "final_rate": 90.0}])
def test_the_same_seed_gives_the_same_times(arrivals: dict[str, object]) -> None:
    times = arrival_times(plan(**arrivals), rng())
    assert times.shape == (2000,)
    assert np.all(np.diff(times) >= 0)
    assert np.array_equal(times, arrival_times(plan(**arrivals), rng()))


def test_constant_arrivals_are_evenly_spaced() -> None:
    assert arrival_times(plan(requests=4, arrivals="constant", rate=2), rng()).tolist() == [0, 0.5, 1.0, 1.5]


def test_poisson_gaps_are_exponential() -> None:
    gaps = np.diff(arrival_times(plan(requests=20_000, arrivals="poisson"), rng()))
    assert gaps.mean() == pytest.approx(1 / 50, rel=0.03)
    assert gaps.std() == pytest.approx(gaps.mean(), rel=0.05)


def test_another_seed_gives_other_poisson_times() -> None:
    assert not np.array_equal(arrival_times(plan(), rng(1)), arrival_times(plan(), rng(2)))


def test_bursts_come_together_and_keep_the_mean_rate() -> None:
    times = arrival_times(plan(requests=6, arrivals="burst", burst_size=3, rate=10), rng())
    assert times.tolist() == pytest.approx([0, 0, 0, 0.3, 0.3, 0.3])


def test_a_ramp_goes_from_the_first_rate_to_the_last() -> None:
    times = arrival_times(plan(arrivals="ramp", rate=10, final_rate=90), rng())
    gaps = np.diff(times)
    assert 1 / gaps[0] == pytest.approx(10, rel=0.03)
    assert 1 / gaps[-1] == pytest.approx(90, rel=0.03)
    assert times[-1] == pytest.approx(2 * 2000 / (10 + 90), rel=0.01)


def test_a_ramp_may_go_down_or_stay() -> None:
    down = np.diff(arrival_times(plan(arrivals="ramp", rate=90, final_rate=10), rng()))
    assert down[-1] > 5 * down[0]
    level = arrival_times(plan(arrivals="ramp", rate=50, final_rate=50), rng())
    assert np.allclose(level, arrival_times(plan(arrivals="constant"), rng()))


@pytest.mark.parametrize("popularity", ["uniform", "zipf"])
def test_the_same_seed_asks_the_same_questions(popularity: str) -> None:
    indices = question_indices(plan(popularity=popularity), 77, rng())
    assert indices.shape == (2000,)
    assert indices.min() >= 0
    assert indices.max() < 77
    assert np.array_equal(indices, question_indices(plan(popularity=popularity), 77, rng()))


def test_uniform_asks_all_alike() -> None:
    counts = np.bincount(question_indices(plan(requests=100_000, popularity="uniform"), 10, rng()), minlength=10)
    assert counts.min() > 9_500
    assert counts.max() < 10_500


def test_zipf_asks_by_rank_to_the_power_of_its_exponent() -> None:
    counts = np.sort(np.bincount(question_indices(plan(requests=100_000, zipf_exponent=1.2), 100, rng()), minlength=100))[::-1]
    assert counts[0] / counts[1] == pytest.approx(2**1.2, rel=0.05)
    assert counts[0] / counts[7] == pytest.approx(8**1.2, rel=0.1)


def test_which_question_is_popular_depends_on_the_seed() -> None:
    favourites = {int(np.bincount(question_indices(plan(), 50, rng(seed))).argmax()) for seed in range(10)}
    assert len(favourites) > 3


def test_a_plan_may_ask_only_the_first_questions() -> None:
    assert question_indices(plan(questions=5), 1000, rng()).max() < 5
    assert question_indices(plan(questions=5000), 10, rng()).max() < 10


def test_one_question_is_enough() -> None:
    assert set(question_indices(plan(), 1, rng())) == {0}


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"requests": 0}, "requests"),
        ({"rate": 0}, "rate"),
        ({"rate": float("nan")}, "rate"),
        ({"users": 0}, "users"),
        ({"zipf_exponent": 0}, "zipf_exponent"),
        ({"arrivals": "random"}, "arrivals"),
        ({"arrivals": "ramp"}, "final_rate"),
        ({"final_rate": 3}, "final_rate"),
        ({"dataset": ""}, "dataset"),
        ({"answer_set": "a\nb"}, "answer_set"),
        ({"speed": 3}, "speed"),
    ],
)
def test_a_plan_out_of_bounds_is_refused_by_name(fields: dict[str, object], named: str) -> None:
    with pytest.raises(UserError, match=named):
        plan(**fields)


def test_all_that_is_wrong_is_named_at_once() -> None:
    with pytest.raises(UserError) as refused:
        plan(requests=0, rate=-1, popularity="fame")
    assert all(name in str(refused.value) for name in ("requests", "rate", "popularity"))


def test_a_plan_survives_being_stored() -> None:
    stored = plan(arrivals="ramp", final_rate=5, model="m").model_dump(mode="json")
    assert TrafficPlan.model_validate(stored) == plan(arrivals="ramp", final_rate=5, model="m")
