"""Which failures a replay chooses, on the real PostgreSQL."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from psycopg2.extensions import connection

from streaming.errors import UserError
from streaming.postgres.connect import connected
from streaming.replays.choice import choose, page, replayable
from streaming.replays.outcome import outcome_of
from streaming.replays.plan import ReplayPlan
from streaming.storage.replay import replay, requeue
from tests.integration.private_tables import private_tables

pytestmark = pytest.mark.integration

START = datetime(2026, 5, 1, tzinfo=UTC)


@pytest.fixture
def database() -> Iterator[connection]:
    with private_tables() as url, connected(url) as opened:
        yield opened


def ask(database: connection, run_id: str | None = "r1") -> tuple[UUID, UUID]:
    """A pending question; its id and its submission."""
    question, submission = uuid4(), uuid4()
    with database, database.cursor() as cursor:
        cursor.execute(
            """INSERT INTO questions (question_id, answer_set, question_text, status, submission_id, run_id,
                                      created_at, submitted_at, enqueued_at)
               VALUES (%(question)s, 'set', 'why?', 'pending', %(submission)s, %(run_id)s, %(at)s, %(at)s, %(at)s);
               INSERT INTO submissions (submission_id, question_id, kind, run_id, submitted_at)
               VALUES (%(submission)s, %(question)s, 'first', %(run_id)s, %(at)s)""",
            {"question": question, "submission": submission, "run_id": run_id, "at": START},
        )
    return question, submission


def fail(database: connection, question: UUID, minute: int = 0, **fields: Any) -> None:
    """Its newest submission fails, so many minutes after the start."""
    values = {"cause": "overload_exhausted", "last_error": "busy", **fields, "question": question, "at": START + timedelta(minutes=minute)}
    with database, database.cursor() as cursor:
        cursor.execute(
            """INSERT INTO failed_questions (question_id, submission_id, retry_count, cause, last_error, last_attempt_timestamp,
                                             run_id, failed_at)
               SELECT question_id, submission_id, 3, %(cause)s, %(last_error)s, %(at)s, run_id, %(at)s FROM questions
               WHERE question_id = %(question)s;
               UPDATE questions SET status = 'failed', resolved_at = %(at)s WHERE question_id = %(question)s""",
            values,
        )


def failed(database: connection, minute: int = 0, run_id: str | None = "r1", **fields: Any) -> tuple[UUID, UUID]:
    question, submission = ask(database, run_id)
    fail(database, question, minute, **fields)
    return question, submission


def replayed_by(database: connection, replay_id: str, question: UUID, submission: UUID) -> None:
    with database:
        assert isinstance(replay(database, question, submission, None, replay_id, START + timedelta(hours=1)), tuple)


def left(database: connection, plan: ReplayPlan, replay_id: str = "evening") -> list[UUID]:
    """The questions that a replay would ask again now, in their order."""
    return [each.question_id for each in page(database, plan, choose(database, plan, replay_id), None, 10_000)]


def test_only_failures_whose_submission_is_the_newest_are_chosen_and_the_oldest_first(database: connection) -> None:
    late, early = failed(database, 5), failed(database, 1)
    again = failed(database, 2)
    replayed_by(database, "morning", *again)
    ask(database)
    assert left(database, ReplayPlan()) == [early[0], late[0]]
    fail(database, again[0], 9)
    assert left(database, ReplayPlan()) == [early[0], late[0], again[0]]
    assert replayable(database) == {"overload_exhausted": 3}


@pytest.mark.parametrize(
    ("plan", "chosen"),
    [
        (ReplayPlan(cause="quota_exhausted"), [1]),
        (ReplayPlan(run_id="r2"), [2]),
        (ReplayPlan(since=START + timedelta(minutes=2)), [2, 3]),
        (ReplayPlan(until=START + timedelta(minutes=2)), [0, 1]),
        (ReplayPlan(error_text="100%"), [3]),
        (ReplayPlan(error_text="OF_"), [3]),
        (ReplayPlan(error_text="'; DROP TABLE questions; --"), []),
        (ReplayPlan(cause="overload_exhausted", error_text="BUSY", limit=1), [0]),
    ],
)
def test_every_field_of_the_filter_narrows_and_nothing_in_a_text_is_a_pattern(
    database: connection, plan: ReplayPlan, chosen: list[int]
) -> None:
    questions = [
        failed(database, 0)[0],
        failed(database, 1, cause="quota_exhausted")[0],
        failed(database, 2, run_id="r2")[0],
        failed(database, 3, last_error="100% of_it is gone")[0],
    ]
    assert left(database, plan) == [questions[each] for each in chosen]


def test_a_choice_keeps_to_what_it_saw_whatever_fails_or_is_replayed_since(database: connection) -> None:
    plan = ReplayPlan(limit=3)
    first = [failed(database, 1) for _ in range(4)]
    choice = choose(database, plan, "evening")
    assert (choice.matched, choice.chosen, choice.replayed, len(choice.sample)) == (4, 3, 0, 3)
    chosen = page(database, plan, choice, None, 10)
    failed(database, 2)
    replayed_by(database, "evening", chosen[0].question_id, chosen[0].place.submission_id)
    fail(database, chosen[0].question_id, 0)
    assert page(database, plan, choice, None, 10) == chosen[1:]
    assert page(database, plan, choice, chosen[1].place, 10) == chosen[2:]
    assert page(database, plan, choice, None, 1) == chosen[1:2]
    assert {each.question_id for each in chosen} < {question for question, _ in first}


def test_chosen_again_under_its_name_a_replay_counts_what_it_has_done_and_leaves_its_own_failures(database: connection) -> None:
    plan = ReplayPlan(limit=3)
    questions = [failed(database, minute) for minute in range(5)]
    for each in questions[:2]:
        replayed_by(database, "evening", *each)
    fail(database, questions[0][0], 0)
    again = choose(database, plan, "evening")
    assert (again.matched, again.chosen, again.replayed) == (3, 1, 2)
    assert left(database, plan) == [questions[2][0]]
    assert left(database, plan, "another")[0] == questions[0][0]


def test_the_ends_of_a_replay_add_up_also_when_one_was_lost_on_the_way(database: connection) -> None:
    questions = [failed(database) for _ in range(4)]
    for each in questions:
        replayed_by(database, "evening", *each)
    lost = questions[0][0]
    with database, database.cursor() as cursor:
        cursor.execute("UPDATE questions SET enqueued_at = %s WHERE question_id = %s", (START, lost))
        assert requeue(database, START + timedelta(minutes=1), START + timedelta(hours=2)) == [lost]
    fail(database, questions[1][0], 90, cause="unscorable", last_error="no words")
    with database, database.cursor() as cursor:
        cursor.execute(
            """INSERT INTO answers (question_id, submission_id, llm_response, processing_attempts, total_processing_time_ms, accepted_as,
                                    accepted_retry_count, stored_at)
               SELECT question_id, submission_id, 'because', 1, 1, 'passed', 0, now() FROM questions WHERE question_id = %s;
               UPDATE questions SET status = 'answered' WHERE question_id = %s""",
            (questions[2][0], questions[2][0]),
        )
    outcome = outcome_of(database, "evening")
    assert (outcome.replayed, outcome.recovered, outcome.pending) == (4, 1, 2)
    assert (outcome.failed_again, outcome.errors) == ({"unscorable": 1}, {"unscorable": "no words"})
    assert outcome_of(database, "never").replayed == 0


def test_a_run_that_nobody_knows_is_refused(database: connection) -> None:
    failed(database)
    with pytest.raises(UserError, match="There is no run 'r2'"):
        choose(database, ReplayPlan(run_id="r2"), "evening")


def test_nothing_chosen_is_an_empty_choice(database: connection) -> None:
    choice = choose(database, ReplayPlan(), "evening")
    assert (choice.matched, choice.chosen, choice.last) == (0, 0, None)
    assert page(database, ReplayPlan(), choice, None, 10) == []
