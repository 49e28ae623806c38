"""Rows of the loop written by hand, for reports whose figures are computed by hand."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID, uuid4

import psycopg2
from psycopg2.extensions import connection
from psycopg2.extras import RealDictCursor, register_uuid

from streaming.figures.queries import gather, snapshot
from streaming.figures.scope import Kind, Scope, covered

register_uuid()  # type: ignore[no-untyped-call]

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
MIDNIGHT = datetime(2026, 3, 2, tzinfo=UTC)
DAY = Scope(Kind.DAY, "2026-03-01", MIDNIGHT - timedelta(days=1), MIDNIGHT)
NEXT_DAY = Scope(Kind.DAY, "2026-03-02", MIDNIGHT, MIDNIGHT + timedelta(days=1))


def at(seconds: float, since: datetime = NOON) -> datetime:
    return since + timedelta(seconds=seconds)


def of_day(day: Scope, run_id: str) -> Scope:
    """A run's part of that day."""
    return Scope(day.kind, run_id, day.since, day.until, run_id=run_id)


def of_run(run_id: str, since: datetime = NOON, until: datetime = NOON + timedelta(hours=1)) -> Scope:
    """All of a run."""
    return Scope(Kind.RUN, run_id, since, until, run_id=run_id)


class Trip(NamedTuple):
    """A submission of a question."""

    question: UUID
    submission: UUID
    run_id: str | None


class ReportRows:
    """Writes rows; every moment defaults to noon of the first day."""

    def __init__(self, database: connection) -> None:
        self.database = database

    def insert(self, table: str, **row: Any) -> None:
        with self.database, self.database.cursor() as cursor:
            columns = ", ".join(f'"{name}"' for name in row)
            cursor.execute(f"INSERT INTO {table} ({columns}) VALUES ({', '.join(['%s'] * len(row))})", list(row.values()))

    def trip(self, run_id: str | None = "run-1", submitted: datetime = NOON) -> Trip:
        """A question's first submission."""
        trip = Trip(uuid4(), uuid4(), run_id)
        times = {"created_at": submitted, "submitted_at": submitted}
        self.insert(
            "questions",
            question_id=trip.question,
            answer_set="a",
            question_text="?",
            status="pending",
            submission_id=trip.submission,
            run_id=run_id,
            **times,
        )
        self._submission(trip, "first", None, submitted)
        return trip

    def again(self, before: Trip, kind: str, submitted: datetime = NOON) -> Trip:
        """A "replay" or a "requeue" of a submission."""
        trip = Trip(before.question, uuid4(), before.run_id)
        self._submission(trip, kind, before.submission, submitted)
        return trip

    def call(self, trip: Trip, retry_count: int, outcome: str = "success", stored: datetime = NOON, **columns: Any) -> None:
        row = {"outcome": outcome, "error_type": None if outcome == "success" else outcome, "stored_at": stored, **columns}
        self.insert(
            "attempts", submission_id=trip.submission, retry_count=retry_count, question_id=trip.question, run_id=trip.run_id, **row
        )

    def answer(
        self,
        trip: Trip,
        accepted_as: str = "passed",
        stored: datetime = NOON,
        first: float | None = 0.9,
        final: float | None = 0.9,
        **columns: Any,
    ) -> None:
        row = {"accepted_retry_count": 0, "processing_attempts": 1, "total_processing_time_ms": 1.0, "llm_response": "because", **columns}
        self.insert(
            "answers",
            question_id=trip.question,
            submission_id=trip.submission,
            accepted_as=accepted_as,
            stored_at=stored,
            first_score=first,
            bert_score=final,
            **row,
        )

    def failure(self, trip: Trip, cause: str = "overload_exhausted", stored: datetime = NOON) -> None:
        self.insert(
            "failed_questions",
            question_id=trip.question,
            submission_id=trip.submission,
            retry_count=3,
            cause=cause,
            last_error="busy",
            last_attempt_timestamp=stored,
            run_id=trip.run_id,
            failed_at=stored,
        )

    def request(
        self,
        number: int,
        intended: datetime,
        first: str = "pending",
        final: str | None = "answered",
        perceived_s: float | None = None,
        real_s: float | None = None,
        run_id: str = "run-1",
        **columns: Any,
    ) -> None:
        self.insert(
            "traffic_requests",
            run_id=run_id,
            request_number=number,
            intended_at=intended,
            sent_at=intended,
            first_status=first,
            final_status=final,
            first_reply_at=None if perceived_s is None else at(perceived_s, intended),
            resolved_at=None if real_s is None else at(real_s, intended),
            perceived_ms=None if perceived_s is None else perceived_s * 1000,
            real_ms=None if real_s is None else real_s * 1000,
            **columns,
        )

    def _submission(self, trip: Trip, kind: str, follows: UUID | None, submitted: datetime) -> None:
        self.insert(
            "submissions",
            submission_id=trip.submission,
            question_id=trip.question,
            kind=kind,
            follows=follows,
            run_id=trip.run_id,
            submitted_at=submitted,
        )

    @contextmanager
    def reading(self, scope: Scope | None = None) -> Iterator[RealDictCursor]:
        """A cursor as reports get it: one snapshot, read only, with the calls and ends of the scope, if one is given."""
        with snapshot(self.database) as cursor:
            if scope is not None:
                gather(cursor, covered(scope))
            yield cursor


TABLES = (
    "questions, submissions, answers, attempts, failed_questions, traffic_runs, traffic_requests, "
    "kafka_samples, kafka_samples_hourly, flink_samples, flink_samples_hourly, service_samples, service_samples_hourly, metric_reports"
)


@contextmanager
def report_rows(url: str) -> Iterator[ReportRows]:
    """Rows in empty tables at that address."""
    opened = psycopg2.connect(url)
    try:
        with opened, opened.cursor() as cursor:
            cursor.execute(f"TRUNCATE {TABLES} CASCADE")
        yield ReportRows(opened)
    finally:
        opened.close()
