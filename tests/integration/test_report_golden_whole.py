"""The whole loop's part of a report from rows written by hand; every expected value is worked out beside its rows."""

from collections import Counter
from collections.abc import Iterator
from datetime import timedelta

import pytest

from streaming.figures.run_summary import Percentiles, Replays, Stages
from streaming.figures.scope import Scope
from streaming.figures.values import Whole
from streaming.figures.whole import whole
from streaming.topics import DEAD_LETTERS
from tests.integration.private_tables import private_tables
from tests.integration.report_rows import DAY, MIDNIGHT, NEXT_DAY, NOON, ReportRows, at, of_day, of_run, report_rows

pytestmark = pytest.mark.integration

NO_TIMES = Percentiles(None, None, None, None, None)


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with private_tables() as tables:
        yield tables


@pytest.fixture
def rows(url: str) -> Iterator[ReportRows]:
    with report_rows(url) as tables:
        yield tables


def figures(rows: ReportRows, scope: Scope = DAY) -> Whole:
    with rows.reading(scope) as cursor:
        return whole(cursor, scope)


def flows(of: Whole) -> dict[tuple[str, str], int]:
    return {(flow.source, flow.target): flow.count for flow in of.flows}


def test_requests_are_counted_by_first_reply_and_by_end(rows: ReportRows) -> None:
    known = rows.trip("run-0")
    rows.request(0, NOON, "found", "answered", source="cache", question_id=known.question)
    rows.request(1, NOON, "found", "answered", source="database", question_id=rows.trip("run-1").question)
    rows.request(2, NOON, "pending", "answered")
    rows.request(3, NOON, "pending", "failed")
    rows.request(4, NOON, "pending", "unresolved")
    rows.request(5, NOON, "pending", None)  # Still open: no end so far.
    rows.request(6, NOON, "error", "failed")
    rows.request(7, NOON, "refused", "refused")
    found = figures(rows)
    assert found.requests == 8
    assert found.first == {"found": 2, "pending": 4, "error": 1, "refused": 1}
    assert found.final == {"answered": 3, "failed": 2, "unresolved": 2, "refused": 1}
    assert (found.from_cache, found.from_database) == (1, 1)
    assert found.reused == 1  # The question of run-0.


def test_perceived_latency_covers_every_first_reply_and_real_latency_the_answered(rows: ReportRows) -> None:
    for number, (perceived_s, real_s, final) in enumerate(
        ((0.01, 1.0, "answered"), (0.02, 2.0, "answered"), (0.03, 3.0, "answered"), (0.04, 4.0, "answered"), (0.05, 99.0, "failed"))
    ):
        rows.request(number, at(number), final=final, perceived_s=perceived_s, real_s=real_s)
    rows.request(5, at(5), "refused", "refused")
    found = figures(rows)
    # Five of 10 ms to 50 ms: the p-th percentile lies 4p steps of 10 ms above the least.
    assert found.perceived == Percentiles(*(pytest.approx(each) for each in (30, 46, 48, 49.6, 50)))
    # Four of 1 s to 4 s: 3p steps of 1,000 ms above the least.
    assert found.real == Percentiles(*(pytest.approx(each) for each in (2500, 3700, 3850, 3970, 4000)))
    assert (found.mean_perceived, found.mean_real) == (pytest.approx(30), pytest.approx(2500))


def test_the_latency_distribution_has_five_bins_a_decade(rows: ReportRows) -> None:
    rows.request(0, NOON, perceived_s=0.0005, real_s=1.0)  # Below 1 ms: the first bin. 1 s is 10^3 ms: the 15th edge.
    rows.request(1, NOON, perceived_s=0.012, real_s=2_000.0)  # 10^1 to 10^1.2 = 15.8 ms: bin 5. Above 10^6 ms: the last.
    rows.request(2, NOON, final="failed", perceived_s=0.015, real_s=5.0)  # Bin 5; a failure has no real latency.
    found = figures(rows).latency_distribution
    assert found is not None
    assert (found.edges[0], found.edges[5], found.edges[-1], len(found.edges)) == (1, 10, 1_000_000, 31)
    assert {name: {bin: n for bin, n in enumerate(counts) if n} for name, counts in found.lines.items()} == {
        "perceived": {0: 1, 5: 2},
        "real": {15: 1, 29: 1},
    }


def test_questions_per_second_are_ends_from_the_first_intended_time_to_the_last_end(rows: ReportRows) -> None:
    rows.request(0, at(0), real_s=1.0)
    rows.request(1, at(2), final="failed", real_s=18.0)
    rows.request(2, at(4), final="unresolved")
    rows.request(3, at(6), real_s=2.0)
    # Three ended, the last of them at second 20.
    assert figures(rows).questions_per_s == pytest.approx(3 / 20)


def test_throughput_is_told_without_what_was_found_at_once_too(rows: ReportRows) -> None:
    rows.request(0, at(0), "found", real_s=0.01, source="cache")
    rows.request(1, at(1), "found", real_s=0.02, source="database")
    rows.request(2, at(1), "error", "failed", real_s=0.01)
    rows.request(3, at(2), real_s=8.0)
    rows.request(4, at(2), final="failed", real_s=3.0)
    # Five ended within 10 s, two of them by a trip through the loop.
    found = figures(rows)
    assert (found.questions_per_s, found.asked_per_s) == (pytest.approx(5 / 10), pytest.approx(2 / 10))


def test_the_permanent_failure_rate_is_of_all_questions_that_ended(rows: ReportRows) -> None:
    for _ in range(3):
        rows.answer(rows.trip())
    rows.failure(rows.trip(), "overload_exhausted")
    rows.failure(rows.trip(), "overload_exhausted")
    rows.failure(rows.trip(), "model_missing")
    rows.trip()
    found = figures(rows)
    assert (found.answered, found.failed, found.failure_rate) == (3, 3, pytest.approx(3 / 6))
    assert found.failures == {"overload_exhausted": 2, "model_missing": 1}


def test_stages_are_means_over_answered_questions_with_all_their_attempts(rows: ReportRows) -> None:
    # Two calls: 1 s + 2 s of queue, 3 s + 4 s of model, 1 s of scoring for the one that was scored; 5 s of waiting, 0.5 s until stored.
    twice = rows.trip()
    rows.call(twice, 0, "overload", enqueued_at=at(0), llm_started_at=at(1), llm_finished_at=at(4))
    rows.call(twice, 1, enqueued_at=at(9), llm_started_at=at(11), llm_finished_at=at(15), scored_at=at(16))
    rows.answer(twice, stored=at(16.5), waited_ms=5_000.0, scored_at=at(16))
    # One call: 1 s, 1 s, 3 s, no waiting, 1.5 s.
    once = rows.trip()
    rows.call(once, 0, enqueued_at=at(0), llm_started_at=at(1), llm_finished_at=at(2), scored_at=at(5))
    rows.answer(once, stored=at(6.5), scored_at=at(5))
    # A failure is not answered.
    failed = rows.trip()
    rows.call(failed, 0, "fatal", enqueued_at=at(0), llm_started_at=at(100), llm_finished_at=at(200))
    rows.failure(failed)
    assert figures(rows).stages == Stages(
        queue_ms=pytest.approx((3_000 + 1_000) / 2),
        model_ms=pytest.approx((7_000 + 1_000) / 2),
        scoring_ms=pytest.approx((1_000 + 3_000) / 2),
        waiting_ms=pytest.approx((5_000 + 0) / 2),
        store_ms=pytest.approx((500 + 1_500) / 2),
    )


def test_a_day_over_time_has_buckets_of_ten_minutes(rows: ReportRows) -> None:
    # Noon is bucket 72. Two asked in it and one refused; one is answered in it, the other fails in the next; one stays open.
    rows.request(0, at(0), real_s=60.0)
    rows.request(1, at(599), final="failed", real_s=1.0)
    rows.request(2, at(1), "refused", "refused")
    rows.request(3, at(1_200), final="unresolved")
    found = figures(rows).over_time
    assert found is not None
    assert (found.start, found.step_s) == (DAY.since, 600)
    assert {len(values) for values in found.lines.values()} == {144}
    assert found.lines["asked"][71:75] == pytest.approx([0, 3 / 600, 0, 1 / 600])
    assert found.lines["answered"][71:75] == pytest.approx([0, 1 / 600, 0, 0])
    assert found.lines["failed"][71:75] == pytest.approx([0, 0, 1 / 600, 0])
    assert found.lines["pending"][71:75] == [0, 1, 0, 1]
    assert found.lines["pending"][-1] == 1


def test_a_run_over_time_begins_with_its_first_request_and_holds_its_last_end(rows: ReportRows) -> None:
    # 298 s from the first request to the last end: 150 buckets of 2 s would end just then, so they are of 2 s and hold the end.
    rows.request(0, at(0), real_s=2.0)
    rows.request(1, at(1), real_s=297.0)
    found = figures(rows, of_run("run-1")).over_time
    assert found is not None
    assert (found.start, found.step_s, len(found.lines["asked"])) == (NOON, 2, 150)
    assert found.lines["asked"][:2] == [2 / 2, 0]
    assert [bucket for bucket, rate in enumerate(found.lines["answered"]) if rate] == [1, 149]
    assert found.lines["pending"][:3] == [2, 1, 1]
    assert found.lines["pending"][-1] == 0


def test_what_was_open_at_midnight_is_pending_until_it_ends_on_the_next_day(rows: ReportRows) -> None:
    rows.request(0, at(-100, MIDNIGHT), real_s=100.0 + 1_300.0)
    rows.request(1, at(-50, MIDNIGHT), real_s=10.0)
    before, after = figures(rows, DAY), figures(rows, NEXT_DAY)
    assert before.over_time is not None
    assert after.over_time is not None
    assert before.over_time.lines["pending"][-2:] == [0, 1]
    assert after.over_time.lines["pending"][:4] == [1, 1, 0, 0]
    assert after.over_time.lines["answered"][2] == pytest.approx(1 / 600)
    # The request itself belongs to the day on which it was meant to be sent.
    assert (before.requests, after.requests) == (2, 0)
    part = figures(rows, of_day(NEXT_DAY, "run-1")).over_time
    assert part is not None
    assert part.start == MIDNIGHT
    assert part.lines["pending"][0] == 1


def test_flows_tell_every_path_with_its_count(rows: ReportRows) -> None:
    rows.request(0, NOON, "found")
    rows.request(1, NOON, "error", "failed")
    rows.request(2, NOON, "refused", "refused")
    # Busy, low, then passed.
    passed = rows.trip()
    for retry_count, outcome in enumerate(("overload", "success", "success")):
        rows.call(passed, retry_count, outcome)
    rows.answer(passed, accepted_retry_count=2)
    # Low, then refused: the best attempt.
    best = rows.trip()
    rows.call(best, 0, "success")
    rows.call(best, 1, "fatal")
    rows.answer(best, "best_attempt")
    # A quota error and no end so far; a failure at once.
    rows.call(rows.trip(), 0, "quota")
    failed = rows.trip()
    rows.call(failed, 0, "fatal")
    rows.failure(failed)
    assert flows(figures(rows)) == {
        ("asked", "found at once"): 1,
        ("asked", "failed before"): 1,
        ("asked", "refused"): 1,
        ("asked", "model call"): 4,
        ("asked again", "model call"): 3,
        ("model call", "success"): 3,
        ("model call", "overload"): 1,
        ("model call", "quota"): 1,
        ("model call", "fatal"): 2,
        ("overload", "asked again"): 1,
        ("success", "asked again"): 2,
        ("success", "passed"): 1,
        ("fatal", "best attempt"): 1,
        ("fatal", "failed"): 1,
        ("quota", "under way"): 1,
        ("passed", "answered"): 1,
        ("best attempt", "answered"): 1,
    }


def test_what_flows_into_a_station_flows_out_of_it_on_every_day(rows: ReportRows) -> None:
    # Trips of every kind around midnight, so that each day has begun, ended and whole ones.
    for second in range(-40, 40, 5):
        trip = rows.trip()
        for retry_count, outcome in enumerate(("overload", "success", "quota", "success")[: 1 + second % 4]):
            rows.call(trip, retry_count, outcome, stored=at(second + 7 * retry_count, MIDNIGHT))
        ended = at(second + 21, MIDNIGHT)
        match second % 3:
            case 0:
                rows.answer(trip, stored=ended)
            case 1:
                rows.failure(trip, stored=ended)
            case _:
                rows.answer(trip, "unscored", stored=ended, first=None, final=None)
    for scope in (DAY, NEXT_DAY, of_day(DAY, "run-1"), of_run("run-1")):
        found = figures(rows, scope)
        into, out_of = Counter[str](), Counter[str]()
        for flow in found.flows:
            into[flow.target] += flow.count
            out_of[flow.source] += flow.count
        assert {"model call", "success", "asked again"} <= into.keys()
        for station in into.keys() & out_of.keys():
            assert into[station] == out_of[station], station
        assert (into["answered"], into["failed"]) == (found.answered, found.failed)


def test_replays_stand_apart_and_change_no_other_count(rows: ReportRows) -> None:
    failed = rows.trip()
    rows.call(failed, 0, "fatal")
    rows.failure(failed)
    recovered = rows.again(failed, "replay")
    rows.call(recovered, 0)
    rows.answer(recovered)
    still_failed = rows.trip()
    rows.failure(still_failed)
    second = rows.again(still_failed, "replay")
    rows.failure(second)
    rows.again(second, "replay")
    # Not a replay: sent again because it was lost.
    rows.again(rows.trip(), "requeue")
    for scope in (DAY, of_run("run-1"), of_day(DAY, "run-1")):
        found = figures(rows, scope)
        assert found.replays == Replays(submitted=3, answered=1, failed=1)
        assert (found.answered, found.failed, found.failure_rate) == (0, 2, 1.0)
        assert flows(found)["model call", "fatal"] == 1
        assert found.stages == Stages(None, None, None, None, None)


def test_a_replay_belongs_to_the_day_on_which_it_was_asked_for(rows: ReportRows) -> None:
    failed = rows.trip()
    rows.failure(failed)
    rows.answer(rows.again(failed, "replay", submitted=at(60, MIDNIGHT)), stored=at(70, MIDNIGHT))
    assert figures(rows, DAY).replays == Replays(0, 0, 0)
    assert figures(rows, NEXT_DAY).replays == Replays(1, 1, 0)
    assert figures(rows, NEXT_DAY).answered == 0


def test_dead_letters_are_the_growth_of_their_topic(rows: ReportRows) -> None:
    def sample(time: float, end: int) -> None:
        row = {"topic": DEAD_LETTERS, "partition": 0, "group": "", "end_offset": end, "committed_offset": None, "lag": 0}
        rows.insert("kafka_samples", time=at(time, DAY.since), **row)

    assert figures(rows).dead_letters is None
    sample(-10, 5)
    sample(3_600, 6)
    sample(50_000, 9)
    sample(90_000, 20)
    assert figures(rows).dead_letters == 9 - 5
    assert figures(rows, of_run("run-1", at(1_000, DAY.since), at(4_000, DAY.since))).dead_letters == 6 - 5


def test_a_day_without_data_has_nothing_to_say(rows: ReportRows) -> None:
    rows.answer(rows.trip(), stored=at(1, MIDNIGHT))
    found = figures(rows)
    assert (found.requests, found.first, found.final, found.answered, found.failed) == (0, {}, {}, 0, 0)
    assert (found.perceived, found.real) == (NO_TIMES, NO_TIMES)
    assert (found.latency_distribution, found.questions_per_s, found.failure_rate, found.over_time) == (None, None, None, None)
    assert (found.failures, found.flows, found.replays) == ({}, [], Replays(0, 0, 0))


def test_a_run_that_only_failed_has_a_failure_rate_of_one_and_no_real_latency(rows: ReportRows) -> None:
    for number in range(3):
        rows.failure(rows.trip())
        rows.request(number, at(number), final="failed", perceived_s=0.01, real_s=5.0)
    found = figures(rows, of_run("run-1"))
    assert (found.failure_rate, found.answered, found.failed) == (1.0, 0, 3)
    assert (found.real, found.perceived.p50) == (NO_TIMES, pytest.approx(10))
    assert found.questions_per_s == pytest.approx(3 / 7)


def test_one_question_makes_a_report(rows: ReportRows) -> None:
    trip = rows.trip()
    rows.call(trip, 0)
    rows.answer(trip)
    rows.request(0, NOON, perceived_s=0.02, real_s=4.0, question_id=trip.question)
    found = figures(rows, of_run("run-1"))
    assert found.real == Percentiles(*(pytest.approx(4_000),) * 5)
    assert (found.questions_per_s, found.failure_rate) == (pytest.approx(1 / 4), 0.0)
    assert found.over_time is not None
    assert found.over_time.lines["pending"] == [1, 1, 1, 1, 0]


def test_the_parts_of_a_run_across_midnight_add_up(rows: ReportRows) -> None:
    for number, second in enumerate((-20, -10, 10)):
        trip = rows.trip()
        rows.request(number, at(second, MIDNIGHT), perceived_s=0.01, real_s=15.0, question_id=trip.question)
        rows.answer(trip, stored=at(second + 15, MIDNIGHT))
    rows.request(0, at(-5, MIDNIGHT), run_id="run-2", perceived_s=0.01)
    before, after, both = (figures(rows, scope) for scope in (of_day(DAY, "run-1"), of_day(NEXT_DAY, "run-1"), of_run("run-1")))
    assert (before.requests, after.requests, both.requests) == (2, 1, 3)
    # Asked ten seconds before midnight, answered five seconds after it.
    assert (before.answered, after.answered, both.answered) == (1, 2, 3)
    assert figures(rows, DAY).requests == 3


def test_a_day_again_gives_the_same_figures(rows: ReportRows) -> None:
    for number in range(50):
        trip = rows.trip()
        rows.call(trip, 0, "overload")
        rows.call(trip, 1)
        rows.answer(trip, first=number / 50, final=number / 50)
        rows.request(number, at(number), perceived_s=0.001 * number, real_s=0.1 * number)
    assert figures(rows) == figures(rows)


def test_a_scope_of_another_day_sees_nothing_of_this_one(rows: ReportRows) -> None:
    trip = rows.trip()
    rows.call(trip, 0)
    rows.answer(trip)
    rows.request(0, NOON, perceived_s=0.02, real_s=4.0, question_id=trip.question)
    other = Scope(DAY.kind, "2026-02-28", DAY.since - timedelta(days=1), DAY.since)
    assert (figures(rows, other).requests, figures(rows, other).flows, figures(rows, other).over_time) == (0, [], None)
