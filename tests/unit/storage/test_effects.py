from datetime import timedelta

import pytest

from streaming import contracts
from streaming.contracts import BEST_ATTEMPT, OVERLOAD_EXHAUSTED, QUOTA_EXHAUSTED, UNSCORED
from streaming.identity import derived_submission_id
from streaming.storage.effects import AnswerRow, FailureRow, Fallen, effects, first_endings, settled
from tests.unit.storage.messages import START, Submission, best_attempt


def fallen(message: contracts.Fatal) -> Fallen:
    ending = effects(message).ending
    assert isinstance(ending, Fallen)
    return ending


def test_a_passed_answer_is_an_attempt_and_an_answer() -> None:
    done = effects(Submission().validated(0.9, attempts=1))
    assert done.attempt is not None
    assert (done.attempt.outcome, done.attempt.bert_score, done.attempt.retry_count) == ("success", 0.9, 0)
    assert isinstance(done.ending, AnswerRow)
    assert (done.ending.accepted_as, done.ending.first_score, done.ending.retries_quality) == ("passed", 0.9, 2)


def test_an_accepted_best_attempt_has_its_attempt_already() -> None:
    message = Submission().validated(0.6, attempts=4, accepted_as=BEST_ATTEMPT, accepted_retry_count=1, first_score=0.2)
    done = effects(message)
    assert done.attempt is None
    assert isinstance(done.ending, AnswerRow)
    assert (done.ending.accepted_retry_count, done.ending.first_score, done.ending.processing_attempts) == (1, 0.2, 4)


def test_an_answer_without_a_reference_is_recorded_unscored() -> None:
    done = effects(Submission().validated(None))
    assert done.attempt is not None
    assert done.attempt.bert_score is None
    assert isinstance(done.ending, AnswerRow)
    assert (done.ending.accepted_as, done.ending.bert_score) == (UNSCORED, None)


def test_the_first_score_of_a_later_attempt_is_not_guessed() -> None:
    ending = effects(Submission().validated(0.9, attempts=2)).ending
    assert isinstance(ending, AnswerRow)
    assert ending.first_score is None


def test_a_low_score_is_an_attempt_and_ends_nothing() -> None:
    done = effects(Submission().low_quality(0.3, attempts=2))
    assert done.attempt is not None
    assert (done.attempt.retry_count, done.attempt.bert_score) == (1, 0.3)
    assert done.ending is None


@pytest.mark.parametrize(("kind", "retry_after"), [("overload", None), ("quota", 7.0)])
def test_an_error_that_is_retried_is_an_attempt(kind: str, retry_after: float | None) -> None:
    submission = Submission()
    done = effects(submission.overload(2) if kind == "overload" else submission.quota(2))
    assert done.attempt is not None
    assert (done.attempt.outcome, done.attempt.retry_count, done.attempt.retry_after_s) == (kind, 2, retry_after)
    assert done.ending is None


def test_an_attempt_tells_the_kind_of_its_overload_and_how_long_the_error_before_it_lay() -> None:
    attempt = effects(Submission().overload(2, error_kind="deadline", error_pickup_ms=40.0)).attempt
    assert attempt is not None
    assert (attempt.error_type, attempt.error_kind, attempt.error_pickup_ms) == ("overload", "deadline", 40.0)


def test_a_fatal_error_without_a_scored_attempt_is_a_failure() -> None:
    message = Submission().fatal("model_missing", retry_count=1)
    assert effects(message).attempt is not None
    row = settled(fallen(message), None, None)
    assert isinstance(row, FailureRow)
    assert (row.cause, row.last_error, row.retry_count) == ("model_missing", "no more", 1)


@pytest.mark.parametrize("cause", [OVERLOAD_EXHAUSTED, QUOTA_EXHAUSTED])
def test_exhaustion_is_no_attempt_of_its_own(cause: str) -> None:
    assert effects(Submission().fatal(cause, retry_count=3)).attempt is None


def test_a_fatal_error_with_a_best_attempt_is_an_answer() -> None:
    row = settled(fallen(Submission().fatal(OVERLOAD_EXHAUSTED, 3, best_attempt(0.6, 1), first_score=0.4)), None, None)
    assert isinstance(row, AnswerRow)
    assert (row.accepted_as, row.bert_score, row.accepted_retry_count, row.first_score) == (BEST_ATTEMPT, 0.6, 1, 0.4)
    assert row.processing_attempts == 4
    assert row.total_processing_time_ms == 2000.0


def test_a_scored_attempt_in_the_table_saves_a_fatal_message_that_knows_of_none() -> None:
    row = settled(fallen(Submission().fatal("refused_by_model", 2)), best_attempt(0.5, 1), 0.3)
    assert isinstance(row, AnswerRow)
    assert (row.bert_score, row.first_score) == (0.5, 0.3)


@pytest.mark.parametrize(("in_message", "in_table"), [(0.6, 0.5), (0.5, 0.6)])
def test_the_better_of_message_and_table_is_accepted(in_message: float, in_table: float) -> None:
    message = Submission().fatal("refused_by_model", 2, best_attempt(in_message, 0))
    row = settled(fallen(message), best_attempt(in_table, 1), in_table)
    assert isinstance(row, AnswerRow)
    assert row.bert_score == 0.6


def test_a_message_made_by_hand_brings_its_question() -> None:
    submission = Submission()
    value = contracts.encode(
        contracts.Validated(
            question_id=submission.question_id,
            question_text="by hand",
            llm_response="yes",
            original_answer=None,
            bert_score=0.8,
            processing_attempts=1,
            total_processing_time_ms=1.0,
            timestamp=START,
        )
    )
    question = effects(contracts.decode(contracts.Validated, value)).question
    assert question.submission_id == derived_submission_id(submission.question_id)
    assert question.enqueued_at == START
    assert question.run_id is None


def test_a_clock_that_ran_backwards_gives_no_negative_time() -> None:
    message = Submission().fatal(best=best_attempt())
    message.timestamp = START - timedelta(hours=1)
    assert fallen(message).total_processing_time_ms == 0.0


def test_only_the_first_ending_of_a_submission_in_a_batch_counts() -> None:
    one, other = Submission(), Submission()
    batch = [effects(one.validated()), effects(one.fatal()), effects(other.fatal()), effects(one.validated(0.8, 2))]
    kept = first_endings(batch)
    assert [each.ending is not None for each in kept] == [True, False, True, False]
    assert [each.attempt for each in kept] == [each.attempt for each in batch]
