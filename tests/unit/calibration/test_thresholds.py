"""What a threshold does, on distributions small enough to count by hand."""

from datetime import UTC, datetime

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streaming.calibration.thresholds import calibration, recommended, samples_of, spread, strict
from streaming.figures.rates import Calibration, Group, Sample, rates_at, share, variants


def samples(matched: list[float], unrelated: list[float], same_topic: list[float] | None = None) -> list[Sample]:
    groups = {Group.MATCHED: matched, Group.UNRELATED: unrelated, Group.SAME_TOPIC: same_topic or []}
    return samples_of([(group, "", score) for group, scores in groups.items() for score in scores])


def test_a_score_at_the_threshold_is_accepted() -> None:
    rates = rates_at(samples([0.75, 0.9, 0.7], [0.75, 0.1, 0.2, 0.3], [0.8, 0.2]), 0.75)
    assert (rates.false_accepts.count, rates.false_accepts.of, rates.false_accepts.rate) == (1, 4, 0.25)
    assert (rates.false_rejects.count, rates.false_rejects.of) == (1, 3)
    assert rates.same_topic is not None
    assert rates.same_topic.rate == 0.5


def test_without_pairs_of_one_topic_there_is_no_rate_of_them() -> None:
    assert rates_at(samples([1.0], [0.0]), 0.5).same_topic is None


def test_distributions_apart_recommend_the_middle_between_them() -> None:
    assert recommended(samples([0.8, 0.9], [0.1, 0.2])) == 0.5


def test_overlapping_distributions_recommend_where_both_errors_are_least() -> None:
    # Thresholds of (0.5, 0.6] refuse one of five matched and accept one of five unrelated; every other stretch does worse.
    assert recommended(samples([0.3, 0.6, 0.7, 0.8, 0.9], [0.1, 0.2, 0.3, 0.5, 0.65])) == 0.55


def test_groups_of_unlike_size_weigh_the_same() -> None:
    # One of two matched lost weighs more than ten of a hundred unrelated accepted.
    assert recommended(samples([0.4, 0.9], [0.1] * 90 + [0.5] * 10)) == 0.25


def test_of_equally_good_stretches_the_longest_counts() -> None:
    # J is one half both between 0.1 and 0.2 and between 0.3 and 0.9.
    assert recommended(samples([0.2, 0.9], [0.1, 0.3])) == 0.6


@pytest.mark.parametrize("scores", [([0.5, 0.5], [0.5, 0.5]), ([0.1], [0.9]), ([1.0], [1.0]), ([0.0], [0.0])])
def test_what_nothing_separates_has_no_recommendation(scores: tuple[list[float], list[float]]) -> None:
    assert recommended(samples(*scores)) is None


@pytest.mark.parametrize(("matched", "unrelated"), [([], [0.1]), ([0.1], []), ([], [])])
def test_a_threshold_needs_both_groups(matched: list[float], unrelated: list[float]) -> None:
    with pytest.raises(ValueError, match="matched and unrelated"):
        recommended(samples(matched, unrelated))
    with pytest.raises(ValueError, match="nothing"):
        rates_at(samples(matched, unrelated), 0.5)


def test_one_pair_of_each_is_enough_to_count() -> None:
    one = samples([0.9], [0.1])
    assert recommended(one) == 0.5
    assert rates_at(one, 0.75).false_accepts.high == pytest.approx(0.793, abs=0.001)


def test_strict_lets_one_in_a_hundred_through() -> None:
    assert strict(samples([1.0], [0.1] * 99 + [0.6])) == 0.101
    assert strict(samples([1.0], [0.1] * 98 + [0.6, 0.6])) == 0.601
    assert strict(samples([1.0], [1.0])) is None


def test_variants_are_counted_among_the_matched_answers_alone() -> None:
    kinds = {"variant: last quarter cut off": 3, "answer of llama3.2:1b": 1}
    matched = [(Group.MATCHED, kind, 0.9) for kind, count in kinds.items() for _ in range(count)]
    made = variants(samples_of([*matched, (Group.UNRELATED, "reference of another question", 0.1)]))
    assert (made.count, made.of) == (3, 4)


@given(st.lists(st.floats(0, 1), min_size=1), st.lists(st.floats(0, 1), min_size=1), st.floats(0, 1))
def test_no_threshold_beats_the_recommended_one(matched: list[float], unrelated: list[float], rival: float) -> None:
    these = samples(matched, unrelated)
    best = recommended(these)
    rival = round(rival, 3)

    def j(threshold: float) -> float:
        rates = rates_at(these, threshold)
        return 1 - rates.false_accepts.rate - rates.false_rejects.rate

    assert j(rival) <= (0 if best is None else j(best)) + 1e-9


def test_wilsons_interval_is_the_published_one() -> None:
    # R. G. Newcombe, Statistics in Medicine 17 (1998), table I, method 3: 81 of 263, 15 of 148, 0 of 20.
    for (count, of), (low, high) in {(81, 263): (0.2553, 0.3662), (15, 148): (0.0624, 0.1605), (0, 20): (0.0, 0.1611)}.items():
        of_it = share(count, of)
        assert (of_it.low, of_it.high) == (pytest.approx(low, abs=5e-5), pytest.approx(high, abs=5e-5))


@pytest.mark.parametrize("of", [1, 20, 996, 5000])
def test_an_interval_begins_at_nothing_and_ends_at_all(of: int) -> None:
    assert share(0, of).low == 0.0
    assert share(of, of).high == 1.0


@given(st.integers(1, 5000).flatmap(lambda of: st.tuples(st.integers(0, of), st.just(of))))
def test_an_interval_holds_its_rate(count_of: tuple[int, int]) -> None:
    of_it = share(*count_of)
    assert 0 <= of_it.low <= of_it.rate + 1e-12
    assert of_it.rate - 1e-12 <= of_it.high <= 1


def test_a_distribution_in_short() -> None:
    short = spread([0.0, 0.25, 0.5, 0.75, 1.0])
    assert (short.mean, short.p25, short.p50, short.p75) == (0.5, 0.25, 0.5, 0.75)
    assert spread([0.3]).p95 == 0.3
    with pytest.raises(ValueError, match="nothing"):
        spread([])


def test_a_calibration_survives_json() -> None:
    now = datetime(2026, 11, 23, tzinfo=UTC)
    made = calibration(
        scorer="m layer 6",
        dataset="d",
        seed=1,
        questions=2,
        started_at=now,
        finished_at=now,
        samples=samples([0.8, 0.9], [0.1, 0.2]),
        left_out={"answer: the text is blank": 1},
        threshold=0.75,
    )
    assert msgspec.json.decode(msgspec.json.encode(made), type=Calibration) == made
    assert made.subject == "m layer 6 on d"
    assert (made.recommended, made.strict) == (0.5, 0.201)
    assert made.at_strict is not None
    assert made.at_strict.false_accepts.count == 0
    assert not made.simulated
