"""Flink's part of a report from rows written by hand; every expected value is worked out beside its rows."""

from collections.abc import Iterator

import pytest

from streaming.figures.flink import flink
from streaming.figures.model import model
from streaming.figures.run_summary import Scores
from streaming.figures.scope import Scope
from streaming.figures.values import Flink
from tests.integration.private_tables import private_tables
from tests.integration.report_rows import DAY, MIDNIGHT, NEXT_DAY, ReportRows, at, of_day, of_run, report_rows

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with private_tables() as tables:
        yield tables


@pytest.fixture
def rows(url: str) -> Iterator[ReportRows]:
    with report_rows(url) as tables:
        yield tables


def figures(rows: ReportRows, scope: Scope = DAY) -> Flink:
    with rows.reading(scope) as cursor:
        return flink(cursor, scope, 0.75, model(cursor, scope).retries)


@pytest.fixture
def mixed(rows: ReportRows) -> ReportRows:
    """Five answers: one passed at once, one helped by asking again, one that was not, one best attempt made worse, one unscored."""
    rows.answer(rows.trip(), first=0.9, final=0.9)
    rows.answer(rows.trip(), first=0.5, final=0.8, retries_quality=1)
    rows.answer(rows.trip(), "best_attempt", first=0.6, final=0.6, retries_quality=3)
    rows.answer(rows.trip(), "best_attempt", first=0.2, final=0.3, retries_quality=2)
    rows.answer(rows.trip(), "unscored", first=None, final=None)
    return rows


def test_average_scores_are_of_first_attempts_and_of_what_was_accepted(mixed: ReportRows) -> None:
    scores = figures(mixed).scores
    assert scores.mean_first == pytest.approx((0.9 + 0.5 + 0.6 + 0.2) / 4)
    assert scores.mean_final == pytest.approx((0.9 + 0.8 + 0.6 + 0.3) / 4)


def test_first_and_final_score_of_the_regenerated_are_of_the_same_answers(mixed: ReportRows) -> None:
    scores = figures(mixed).scores
    assert scores.regenerated_mean_first == pytest.approx((0.5 + 0.6 + 0.2) / 3)
    assert scores.regenerated_mean_final == pytest.approx((0.8 + 0.6 + 0.3) / 3)


def test_answers_are_counted_by_how_they_were_accepted(mixed: ReportRows) -> None:
    scores = figures(mixed).scores
    assert (scores.answered, scores.scored, scores.unscored, scores.best_attempts) == (5, 4, 1, 2)


def test_the_regeneration_rate_is_of_scored_answers(mixed: ReportRows) -> None:
    scores = figures(mixed).scores
    assert (scores.regenerated, scores.regeneration_rate) == (3, pytest.approx(3 / 4))


def test_the_mean_improvement_is_over_all_regenerated_whether_it_helped_or_not(mixed: ReportRows) -> None:
    scores = figures(mixed).scores
    assert scores.mean_improvement == pytest.approx((0.3 + 0.0 + 0.1) / 3)
    assert scores.helped == 2


def test_the_distribution_has_bins_of_a_twentieth_of_first_and_final_scores(rows: ReportRows) -> None:
    rows.answer(rows.trip(), first=0.75, final=0.75)  # On an edge: the bin above it.
    rows.answer(rows.trip(), first=0.749, final=1.0, retries_quality=1)  # The last bin holds 1.
    rows.answer(rows.trip(), "best_attempt", first=-0.1, final=0.02, retries_quality=3)  # The first holds what is below 0.
    rows.answer(rows.trip(), "unscored", first=None, final=None)
    found = figures(rows).score_distribution
    assert found is not None
    assert found.edges == pytest.approx([0.05 * step for step in range(21)])
    assert {name: {bin: n for bin, n in enumerate(counts) if n} for name, counts in found.lines.items()} == {
        "first": {0: 1, 14: 1, 15: 1},
        "final": {0: 1, 15: 1, 19: 1},
    }


def test_extra_calls_are_those_made_for_a_low_score(rows: ReportRows) -> None:
    # Busy, low, low, passed: of the three calls made again two were for a score.
    trip = rows.trip()
    for retry_count, outcome in enumerate(("overload", "success", "success", "success")):
        rows.call(trip, retry_count, outcome)
    rows.answer(trip, accepted_retry_count=3, retries_overload=1, retries_quality=2)
    assert figures(rows).extra_calls == 2


def test_without_regeneration_the_rate_is_zero_and_there_is_no_improvement(rows: ReportRows) -> None:
    rows.answer(rows.trip(), first=0.8, final=0.8)
    rows.answer(rows.trip(), first=0.9, final=0.9)
    scores = figures(rows).scores
    assert (scores.regenerated, scores.regeneration_rate, scores.mean_improvement, scores.helped) == (0, 0.0, None, 0)


def test_a_run_that_only_failed_has_no_scores(rows: ReportRows) -> None:
    rows.failure(rows.trip())
    found = figures(rows, of_run("run-1"))
    assert found.scores == Scores(0, 0, 0, 0, None, None, 0, None, 0, None)
    assert (found.score_distribution, found.extra_calls, found.threshold) == (None, 0, 0.75)


def test_one_question_is_its_own_average(rows: ReportRows) -> None:
    rows.answer(rows.trip(), first=0.4, final=0.8, retries_quality=1)
    assert figures(rows).scores == Scores(1, 1, 0, 0, 0.4, 0.8, 1, 1.0, 1, pytest.approx(0.4), 0.4, 0.8)


def test_an_answer_that_a_replay_won_is_not_counted(rows: ReportRows) -> None:
    failed = rows.trip()
    rows.failure(failed)
    rows.answer(rows.again(failed, "replay"), first=0.99, final=0.99)
    lost = rows.again(rows.trip(), "requeue")
    rows.answer(lost, first=0.8, final=0.8)
    for scope in (DAY, of_run("run-1"), of_day(DAY, "run-1")):
        found = figures(rows, scope).scores
        assert (found.answered, found.mean_final) == (1, 0.8)


def test_an_answer_belongs_to_the_day_on_which_it_was_stored(rows: ReportRows) -> None:
    rows.answer(rows.trip(), stored=at(-0.001, MIDNIGHT), first=0.8, final=0.8)
    rows.answer(rows.trip(submitted=at(-60, MIDNIGHT)), stored=MIDNIGHT, first=0.4, final=0.9, retries_quality=1)
    assert figures(rows, DAY).scores.mean_first == 0.8
    assert figures(rows, of_day(DAY, "run-1")).scores.regenerated == 0
    assert figures(rows, NEXT_DAY).scores.mean_first == 0.4
    assert figures(rows, of_day(NEXT_DAY, "run-1")).scores.regenerated == 1
    assert figures(rows, of_run("run-1")).scores.answered == 2
