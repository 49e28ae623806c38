"""The model's part of a report from rows written by hand; every expected value is worked out beside its rows."""

from collections.abc import Iterator

import pytest

from streaming.figures.model import model
from streaming.figures.run_summary import Percentiles, Retries
from streaming.figures.scope import Scope
from streaming.figures.values import Model
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


def figures(rows: ReportRows, scope: Scope = DAY) -> Model:
    with rows.reading(scope) as cursor:
        return model(cursor, scope)


def test_calls_are_counted_by_outcome(rows: ReportRows) -> None:
    first, second = rows.trip(), rows.trip(run_id=None)
    rows.call(first, 0, "overload")
    rows.call(first, 1, "quota")
    rows.call(first, 2, "success")
    rows.call(second, 0, "success")
    rows.call(rows.trip(), 0, "fatal")
    found = figures(rows)
    assert found.calls == 5
    assert found.outcomes == {"success": 2, "overload": 1, "quota": 1, "fatal": 1}


def test_latency_covers_successful_calls(rows: ReportRows) -> None:
    trip = rows.trip()
    for retry_count, took_ms in enumerate((500.0, 100.0, 300.0, 200.0, 400.0)):
        rows.call(trip, retry_count, "success", response_time_ms=took_ms)
    rows.call(rows.trip(), 0, "overload", response_time_ms=30_000.0)
    # Of 100, 200, 300, 400, 500 the p-th percentile lies 4p steps of 100 ms above the least: 90 % is 3.6 steps.
    assert figures(rows).latency == Percentiles(300, pytest.approx(460), pytest.approx(480), pytest.approx(496), 500)


def test_calls_without_success_have_a_latency_of_their_own_and_are_among_all_calls(rows: ReportRows) -> None:
    for took_ms in (100.0, 200.0):
        rows.call(rows.trip(), 0, "success", response_time_ms=took_ms)
    rows.call(rows.trip(), 0, "overload", error_kind="deadline", response_time_ms=120_000.0)
    rows.call(rows.trip(), 0, "quota", response_time_ms=80.0)
    rows.call(rows.trip(), 0, "fatal", response_time_ms=40.0)
    found = figures(rows)
    assert (found.latency.max, found.mean_latency) == (200, pytest.approx(150))
    # 40, 80 and 120,000 ms; of all five the middle one is 100.
    assert (found.failed_latency.p50, found.failed_latency.max) == (80, 120_000)
    assert found.mean_failed_latency == pytest.approx(120_120 / 3)
    assert (found.all_latency.p50, found.all_latency.max) == (100, 120_000)
    assert found.mean_all_latency == pytest.approx(120_420 / 5)


def test_overloads_are_counted_by_their_kind(rows: ReportRows) -> None:
    for kind in ("http_503", "http_503", "deadline", "broken_reply", None):
        rows.call(rows.trip(), 0, "overload", error_kind=kind)
    rows.call(rows.trip(), 0, "quota")
    assert figures(rows).overloads == {"http_503": 2, "deadline": 1, "broken_reply": 1, "not told": 1}


def test_retries_are_needed_also_where_the_tries_are_used_up(rows: ReportRows) -> None:
    # Four overloads, after the last of which there is no try left: four needed, three made.
    exhausted = rows.trip()
    for retry_count in range(4):
        rows.call(exhausted, retry_count, "overload")
    rows.failure(exhausted)
    # Two low scores; the second is accepted as the better one.
    low = rows.trip()
    for retry_count, score in enumerate((0.5, 0.6)):
        rows.call(low, retry_count, "success", bert_score=score)
    rows.answer(low, "best_attempt", first=0.5, final=0.6, accepted_retry_count=1, retries_quality=1)
    # What passes and what has no reference need none.
    rows.call(passed := rows.trip(), 0, "success", bert_score=0.9)
    rows.answer(passed)
    rows.call(unscored := rows.trip(), 0, "success")
    rows.answer(unscored, "unscored", first=None, final=None)
    # A quota error whose question still waits.
    rows.call(rows.trip(), 0, "quota")
    assert figures(rows).retries == {"overload": Retries(3, 0, 4), "quality": Retries(1, 0, 2), "quota": Retries(0, 0, 1)}


def test_retries_are_counted_by_the_cause_before_them_and_succeed_with_an_answer_or_a_pass(rows: ReportRows) -> None:
    # Overload, overload, then an answer: two made for overload, of which the second got one.
    busy = rows.trip()
    for retry_count, outcome in enumerate(("overload", "overload", "success")):
        rows.call(busy, retry_count, outcome)
    rows.answer(busy, accepted_retry_count=2)
    # A low score, a low score again, then one that passed: two made for quality, one of them with success.
    low = rows.trip()
    for retry_count, score in enumerate((0.5, 0.6, 0.8)):
        rows.call(low, retry_count, "success", bert_score=score)
    rows.answer(low, first=0.5, final=0.8, accepted_retry_count=2, retries_quality=2)
    # A quota error, then a refusal: made and not succeeded.
    refused = rows.trip()
    rows.call(refused, 0, "quota")
    rows.call(refused, 1, "fatal")
    assert figures(rows).retries == {"overload": Retries(2, 1, 2), "quality": Retries(2, 1, 2), "quota": Retries(1, 0, 1)}


def test_a_regeneration_whose_best_attempt_was_accepted_did_not_succeed(rows: ReportRows) -> None:
    trip = rows.trip()
    rows.call(trip, 0, "success", bert_score=0.6)
    rows.call(trip, 1, "success", bert_score=0.4)
    rows.answer(trip, "best_attempt", first=0.6, final=0.6, accepted_retry_count=0, retries_quality=1)
    assert figures(rows).retries == {"quality": Retries(1, 0, 2)}


def test_errors_are_counted_by_their_kind(rows: ReportRows) -> None:
    for outcome, kind in (
        ("overload", "overload"),
        ("overload", "overload"),
        ("fatal", "model_missing"),
        ("fatal", "unscorable"),
        ("success", None),
    ):
        rows.call(rows.trip(), 0, outcome, error_type=kind)
    assert figures(rows).errors == {"overload": 2, "model_missing": 1, "unscorable": 1}


def test_slot_use_is_calls_in_flight_of_the_slots_meanwhile(rows: ReportRows) -> None:
    # 20 s from 0, 10 s from 10 and 30 s from 30: 60 s of calls in the 60 s from the first start to the last end, so 1 in flight.
    for start, end in ((0, 20), (10, 20), (30, 60)):
        rows.call(rows.trip(), 0, "success", llm_started_at=at(start), llm_finished_at=at(end), stored=at(61))
    # Four slots while there were calls; what the consumer allowed itself hours later says nothing.
    for second in range(0, 61, 5):
        rows.insert("service_samples", time=at(second), service="llm_consumer_service", metric="model_slots", value=4.0)
    rows.insert("service_samples", time=at(7_200), service="llm_consumer_service", metric="model_slots", value=32.0)
    found = figures(rows)
    assert found.mean_in_flight == pytest.approx(60 / 60)
    assert found.mean_slots == pytest.approx(4)
    assert found.slot_use == pytest.approx(1 / 4)


def test_slot_use_is_unknown_where_nobody_sampled_the_slots(rows: ReportRows) -> None:
    rows.call(rows.trip(), 0, "success", llm_started_at=at(0), llm_finished_at=at(2))
    found = figures(rows)
    # One call: one in flight from its start to its end.
    assert found.mean_in_flight == pytest.approx(1)
    assert (found.mean_slots, found.slot_use) == (None, None)


def test_a_day_without_calls_has_nothing_to_say(rows: ReportRows) -> None:
    nothing = Percentiles(None, None, None, None, None)
    assert figures(rows) == Model(0, {}, nothing, {}, {}, None, None, None)


def test_a_run_that_only_failed_has_calls_and_no_latency(rows: ReportRows) -> None:
    trip = rows.trip()
    for retry_count in range(4):
        rows.call(trip, retry_count, "overload")
    rows.failure(trip)
    found = figures(rows, of_run("run-1"))
    assert (found.calls, found.outcomes, found.errors) == (4, {"overload": 4}, {"overload": 4})
    assert found.retries == {"overload": Retries(3, 0, 4)}
    assert found.latency == Percentiles(None, None, None, None, None)


def test_one_question_is_its_own_percentiles(rows: ReportRows) -> None:
    rows.call(rows.trip(), 0, "success", response_time_ms=250.0)
    assert figures(rows).latency == Percentiles(250, 250, 250, 250, 250)


def test_a_replay_and_what_was_sent_again_in_its_place_do_not_count(rows: ReportRows) -> None:
    failed = rows.trip()
    rows.call(failed, 0, "fatal")
    replay = rows.again(failed, "replay")
    rows.call(replay, 0, "overload")
    rows.call(replay, 1, "success")
    lost_replay = rows.again(replay, "requeue")
    rows.call(lost_replay, 0, "success")
    rows.call(rows.again(lost_replay, "requeue"), 0, "success")
    for scope in (DAY, of_run("run-1"), of_day(DAY, "run-1")):
        assert figures(rows, scope).outcomes == {"fatal": 1}


def test_what_was_sent_again_in_the_place_of_a_lost_question_counts(rows: ReportRows) -> None:
    lost_again = rows.again(rows.trip(), "requeue")
    rows.call(rows.again(lost_again, "requeue"), 0, "success")
    for scope in (DAY, of_run("run-1"), of_day(DAY, "run-1")):
        assert figures(rows, scope).outcomes == {"success": 1}


def test_a_run_across_midnight_is_the_sum_of_its_days(rows: ReportRows) -> None:
    # One question, asked three times before midnight and twice after it; another run beside it.
    trip = rows.trip()
    calls = ((-30, "overload"), (-20, "success"), (-1, "success"), (0, "overload"), (20, "success"))
    for retry_count, (second, outcome) in enumerate(calls):
        rows.call(trip, retry_count, outcome, stored=at(second, MIDNIGHT), bert_score=0.5 if outcome == "success" else None)
    rows.answer(trip, accepted_retry_count=4, stored=at(20, MIDNIGHT), retries_quality=2)
    rows.call(rows.trip("run-2"), 0, "quota", stored=at(-5, MIDNIGHT))
    before, after, whole = (figures(rows, scope) for scope in (of_day(DAY, "run-1"), of_day(NEXT_DAY, "run-1"), of_run("run-1")))
    assert (before.outcomes, after.outcomes) == ({"overload": 1, "success": 2}, {"overload": 1, "success": 1})
    assert whole.outcomes == {"overload": 2, "success": 3}
    # The first call after midnight was made for the low score before it.
    assert before.retries == {"overload": Retries(1, 1, 1), "quality": Retries(1, 0, 2)}
    assert after.retries == {"quality": Retries(1, 0, 0), "overload": Retries(1, 1, 1)}
    assert whole.retries == {"overload": Retries(2, 2, 2), "quality": Retries(2, 0, 2)}
    assert figures(rows, DAY).outcomes == {"overload": 1, "success": 2, "quota": 1}
