"""The summary of a run whose rows are written by hand and whose figures are computed by hand."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import psycopg2
import pytest
from psycopg2.extensions import connection

from streaming.clock import SystemClock
from streaming.errors import UserError
from streaming.figures.run_summary import Percentiles, Replays, Retries, RunSummary, summarise
from streaming.traffic import runs
from streaming.traffic.drain import pending_by_stage
from streaming.traffic.plan import TrafficPlan
from streaming.traffic.records import Recorder, Request, recorded
from tests.integration.private_tables import private_tables

pytestmark = pytest.mark.integration

START = datetime(2026, 3, 1, 12, tzinfo=UTC)
RUN = "run-1"
PLAN = TrafficPlan(dataset="d")


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


class Tables:
    """Rows by hand."""

    def __init__(self, database: connection) -> None:
        self.database = database

    def insert(self, table: str, **row: Any) -> None:
        with self.database, self.database.cursor() as cursor:
            cursor.execute(f"INSERT INTO {table} ({', '.join(row)}) VALUES ({', '.join(['%s'] * len(row))})", list(row.values()))

    def question(self, status: str, run_id: str | None = RUN, enqueued: bool = True) -> tuple[UUID, UUID]:
        question, submission = uuid4(), uuid4()
        self.insert(
            "questions",
            question_id=question,
            answer_set="a",
            question_text="?",
            status=status,
            submission_id=submission,
            run_id=run_id,
            created_at=START,
            submitted_at=START,
            enqueued_at=START if enqueued else None,
        )
        self.insert("submissions", submission_id=submission, question_id=question, kind="first", run_id=run_id, submitted_at=START)
        return question, submission

    def attempt(self, ids: tuple[UUID, UUID], retry_count: int, outcome: str, score: float | None = None, scale: float = 1.0) -> None:
        """Queue 100 ms, model 200 ms, scoring 300 ms, times `scale`."""
        called = outcome == "success"
        self.insert(
            "attempts",
            submission_id=ids[1],
            retry_count=retry_count,
            question_id=ids[0],
            run_id=RUN,
            outcome=outcome,
            bert_score=score,
            model="simulated-m" if called else None,
            enqueued_at=at(0),
            llm_started_at=at(0.1 * scale),
            llm_finished_at=at(0.3 * scale),
            scored_at=at(0.6 * scale) if called else None,
            stored_at=at(1),
        )

    def answer(
        self, ids: tuple[UUID, UUID], accepted_as: str, at_retry: int, first: float | None, final: float | None, **retries: Any
    ) -> None:
        self.insert(
            "answers",
            question_id=ids[0],
            submission_id=ids[1],
            llm_response="because",
            bert_score=final,
            first_score=first,
            processing_attempts=1 + sum(retries.get(f"retries_{cause}", 0) for cause in ("overload", "quota", "quality")),
            total_processing_time_ms=1.0,
            accepted_as=accepted_as,
            accepted_retry_count=at_retry,
            scored_at=at(2),
            stored_at=at(2.04),
            **retries,
        )

    def failure(self, ids: tuple[UUID, UUID], cause: str) -> None:
        self.insert(
            "failed_questions",
            question_id=ids[0],
            submission_id=ids[1],
            retry_count=3,
            cause=cause,
            last_error="busy",
            last_attempt_timestamp=at(3),
            run_id=RUN,
            failed_at=at(3),
        )

    def request(
        self,
        number: int,
        question: UUID | None,
        first: str,
        final: str | None,
        perceived: float | None,
        real: float | None,
        source: str | None = None,
    ) -> None:
        """Intended at `number` seconds; latencies in seconds."""
        self.insert(
            "traffic_requests",
            run_id=RUN,
            request_number=number,
            question_id=question,
            intended_at=at(number),
            sent_at=at(number),
            first_reply_at=None if perceived is None else at(number + perceived),
            resolved_at=None if real is None else at(number + real),
            first_status=first,
            final_status=final,
            source=source,
            perceived_ms=None if perceived is None else perceived * 1000,
            real_ms=None if real is None else real * 1000,
        )


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with private_tables() as tables:
        yield tables


@pytest.fixture
def tables(url: str) -> Iterator[Tables]:
    opened = psycopg2.connect(url)
    with opened, opened.cursor() as cursor:
        cursor.execute("TRUNCATE questions, submissions, answers, attempts, failed_questions, traffic_runs, traffic_requests CASCADE")
    yield Tables(opened)
    opened.close()


@pytest.fixture
def summary(tables: Tables) -> RunSummary:
    """A run that took every path."""
    runs.begin(tables.database, RUN, PLAN, runs.Served("m", False), START)
    # Passed at once, asked twice.
    passed = tables.question("answered")
    tables.attempt(passed, 0, "success", 0.8)
    tables.answer(passed, "passed", 0, 0.8, 0.8)
    tables.request(0, passed[0], "pending", "answered", 0.010, 1.0)
    tables.request(1, passed[0], "found", "answered", 0.020, 0.020, "cache")
    # A low score, then a regeneration that passed: +0.3.
    helped = tables.question("answered")
    tables.attempt(helped, 0, "success", 0.5)
    tables.attempt(helped, 1, "success", 0.8)
    tables.answer(helped, "passed", 1, 0.5, 0.8, retries_quality=1)
    tables.request(2, helped[0], "pending", "answered", 0.030, 2.0)
    # Three regenerations, none better than the first: the best attempt.
    best = tables.question("answered")
    for retry_count, score in enumerate((0.6, 0.4, 0.5, 0.3)):
        tables.attempt(best, retry_count, "success", score)
    tables.answer(best, "best_attempt", 0, 0.6, 0.6, retries_quality=3)
    tables.request(3, best[0], "pending", "answered", 0.040, 3.0)
    # Overload, quota, then an answer without a reference to score it by.
    unscored = tables.question("answered")
    tables.attempt(unscored, 0, "overload")
    tables.attempt(unscored, 1, "quota")
    tables.attempt(unscored, 2, "success")
    tables.answer(unscored, "unscored", 2, None, None, retries_overload=1, retries_quota=1, waited_ms=400.0)
    tables.request(4, unscored[0], "pending", "answered", 0.050, 4.0)
    # Overloaded until its tries were used up; replayed and answered.
    failed = tables.question("failed")
    for retry_count in range(4):
        tables.attempt(failed, retry_count, "overload")
    tables.failure(failed, "overload_exhausted")
    tables.request(5, failed[0], "pending", "failed", 0.060, 9.0)
    replayed = failed[0], uuid4()
    tables.insert(
        "submissions", submission_id=replayed[1], question_id=failed[0], kind="replay", follows=failed[1], run_id=RUN, submitted_at=at(60)
    )
    tables.attempt(replayed, 0, "success", 0.99)
    tables.answer(replayed, "passed", 0, 0.99, 0.99)
    # Lost once, sent again, refused by the model: still the run's own trip.
    lost = tables.question("failed")
    again = lost[0], uuid4()
    tables.insert(
        "submissions", submission_id=again[1], question_id=lost[0], kind="requeue", follows=lost[1], run_id=RUN, submitted_at=at(30)
    )
    tables.attempt(again, 0, "fatal")
    tables.failure(again, "refused_by_model")
    tables.request(6, lost[0], "pending", "failed", 0.070, 8.0)
    # From another run: found here, none of this run's scores.
    other = tables.question("answered", run_id="run-0")
    tables.attempt(other, 0, "success", 0.1)
    tables.answer(other, "best_attempt", 0, 0.1, 0.1)
    tables.request(7, other[0], "found", "answered", 0.080, 0.080, "database")
    # No end, and never taken.
    open_question = tables.question("pending")
    tables.request(8, open_question[0], "pending", "unresolved", 0.090, None)
    tables.request(9, None, "refused", "refused", None, None)
    return summarise(tables.database, RUN)


def test_requests_are_counted_by_first_reply_and_by_end(summary: RunSummary) -> None:
    requests = summary.requests
    assert requests.total == 10
    assert requests.first == {"pending": 7, "found": 2, "refused": 1}
    assert requests.final == {"answered": 6, "failed": 2, "unresolved": 1, "refused": 1}
    assert (requests.from_cache, requests.from_database, requests.reused) == (1, 1, 1)


def test_perceived_latency_covers_every_first_reply(summary: RunSummary) -> None:
    # 10, 20, ... 90 ms
    assert summary.requests.perceived == Percentiles(*(pytest.approx(each) for each in (50, 82, 86, 89.2, 90)))


def test_real_latency_covers_the_answered(summary: RunSummary) -> None:
    # 20, 80, 1000, 2000, 3000, 4000 ms
    assert summary.requests.real == Percentiles(*(pytest.approx(each) for each in (1500, 3500, 3750, 3950, 4000)))


def test_rates_cover_first_intended_to_last_end(summary: RunSummary) -> None:
    # Eight ended, the last of them intended at 5 s + 9 s or 6 s + 8 s; ten sent in nine seconds.
    assert summary.requests.duration_s == pytest.approx(14)
    assert summary.requests.ended_per_s == pytest.approx(8 / 14)
    assert summary.requests.sent_per_s == pytest.approx(10 / 9)


def test_scores_cover_the_runs_own_first_submissions(summary: RunSummary) -> None:
    scores = summary.scores
    assert (scores.answered, scores.scored, scores.unscored, scores.best_attempts) == (4, 3, 1, 1)
    assert scores.mean_first == pytest.approx((0.8 + 0.5 + 0.6) / 3)
    assert scores.mean_final == pytest.approx((0.8 + 0.8 + 0.6) / 3)
    assert (scores.regenerated, scores.helped) == (2, 1)
    assert scores.regeneration_rate == pytest.approx(2 / 3)
    assert scores.mean_improvement == pytest.approx((0.3 + 0.0) / 2)


def test_retries_are_counted_by_what_caused_them(summary: RunSummary) -> None:
    # Overload: one followed by a quota error, three by overloads, one by nothing any more. Quality: one passed, three did not, and a fourth
    # would have been needed.
    assert summary.attempts.retries == {"overload": Retries(4, 0, 5), "quota": Retries(1, 1, 1), "quality": Retries(4, 1, 5)}
    assert summary.attempts.total == 1 + 2 + 4 + 3 + 4 + 1
    assert summary.attempts.extra == 1 + 3 + 2 + 3
    assert summary.attempts.models == {"simulated-m": 8}


def test_failures_are_counted_by_cause_and_replays_apart(summary: RunSummary) -> None:
    assert summary.failures == {"overload_exhausted": 1, "refused_by_model": 1}
    assert summary.replays == Replays(submitted=1, answered=1, failed=0)


def test_stages_are_means_over_answered_questions_with_all_their_attempts(summary: RunSummary) -> None:
    stages = summary.stages
    # 1, 2, 4 and 3 attempts.
    assert stages.queue_ms == pytest.approx(100 * 10 / 4)
    assert stages.model_ms == pytest.approx(200 * 10 / 4)
    # The attempts of the last that met an error were not scored.
    assert stages.scoring_ms == pytest.approx(300 * 8 / 4)
    assert stages.waiting_ms == pytest.approx(400 / 4)
    assert stages.store_ms == pytest.approx(40)


def test_a_model_that_calls_itself_simulated_marks_the_run(summary: RunSummary, tables: Tables) -> None:
    assert summary.simulated
    runs.store_summary(tables.database, summary)
    with tables.database, tables.database.cursor() as cursor:
        cursor.execute("SELECT simulated, summary -> 'scores' ->> 'helped' FROM traffic_runs WHERE run_id = %s", (RUN,))
        assert cursor.fetchone() == (True, "1")


def test_a_run_without_any_request_has_a_summary_without_figures(tables: Tables) -> None:
    runs.begin(tables.database, RUN, PLAN, runs.Served("m", False), START)
    summary = summarise(tables.database, RUN)
    assert (summary.requests.total, summary.requests.final, summary.attempts.retries, summary.failures) == (0, {}, {}, {})
    assert summary.requests.real == Percentiles(None, None, None, None, None)
    assert (summary.scores.mean_final, summary.scores.regeneration_rate, summary.stages.queue_ms) == (None, None, None)
    assert not summary.simulated


def test_a_run_that_nobody_knows_is_refused(tables: Tables) -> None:
    with pytest.raises(UserError, match="no run 'nobody'"):
        summarise(tables.database, "nobody")


def test_a_run_id_cannot_be_used_for_another_plan(tables: Tables) -> None:
    served = runs.Served("m", False)
    runs.begin(tables.database, RUN, PLAN, served, START)
    runs.begin(tables.database, RUN, PLAN, served, START)
    with pytest.raises(UserError, match="another plan"):
        runs.begin(tables.database, RUN, TrafficPlan(dataset="d", seed=2), served, START)


def test_a_cancelled_run_goes_on_when_it_is_begun_again_and_not_when_a_share_joins_it(tables: Tables) -> None:
    served = runs.Served("m", False)
    runs.join(tables.database, RUN, PLAN, served, START)
    runs.join(tables.database, RUN, PLAN, served, START)
    runs.end(tables.database, RUN, runs.CANCELLED, START)
    with pytest.raises(UserError, match="is cancelled"):
        runs.join(tables.database, RUN, PLAN, served, START)
    assert runs.state_of(tables.database, RUN) == runs.CANCELLED
    runs.begin(tables.database, RUN, PLAN, served, START)
    assert runs.state_of(tables.database, RUN) == runs.SENDING
    with pytest.raises(UserError, match="another plan"):
        runs.join(tables.database, RUN, TrafficPlan(dataset="d", seed=2), served, START)


def test_a_share_that_goes_on_loads_its_own_requests_alone(tables: Tables, url: str) -> None:
    recorder = Recorder(url, RUN, SystemClock())
    recorder._write([Request(number, START) for number in range(10)])
    assert sorted(recorded(tables.database, RUN, range(1, 8, 3))) == [1, 4, 7]
    assert sorted(recorded(tables.database, RUN, range(0, 10, 1))) == list(range(10))


def test_recording_a_request_twice_keeps_one_row_and_its_end(tables: Tables, url: str) -> None:
    recorder = Recorder(url, RUN, SystemClock())
    request = Request(0, START, uuid4(), START, at(1), first_status="pending")
    recorder._write([request])
    request.final_status, request.resolved_at = "answered", at(5)
    recorder._write([request])
    recorder._write([Request(0, at(99), final_status="refused")])
    assert recorded(tables.database, RUN, range(1)) == {0: request}
    with tables.database, tables.database.cursor() as cursor:
        cursor.execute("SELECT perceived_ms, real_ms FROM traffic_requests WHERE run_id = %s", (RUN,))
        assert cursor.fetchall() == [(1000.0, 5000.0)]


def test_pending_questions_are_counted_by_where_they_are(tables: Tables, url: str) -> None:
    tables.question("answered")
    tables.question("pending", enqueued=False)
    tables.question("pending")
    busy = tables.question("pending")
    tables.attempt(busy, 0, "success", 0.2)
    tables.attempt(busy, 1, "overload")
    elsewhere = tables.question("pending", run_id="run-0")
    tables.attempt(elsewhere, 0, "success", 0.2)
    tables.request(0, elsewhere[0], "pending", None, 0.1, None)
    tables.question("pending", run_id="run-0")
    assert pending_by_stage(url, RUN) == {
        "not yet in Kafka": 1,
        "at the model or being scored": 1,
        "asked again after overload": 1,
        "asked again after a low score": 1,
    }
