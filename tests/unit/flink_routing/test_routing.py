"""What follows from a score."""

from datetime import timedelta

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from flink.routing import Outcome, Remembered, Verdict, decide, refuse
from streaming import topics
from streaming.contracts import Fatal, Message, Question, Retries, Scored, Validated, decode, encode
from streaming.retry_policy import RULES, Budget, Cause
from tests.unit.flink_routing.messages import NOW, PER_CAUSE, QUESTION, SHARED, SUBMISSION, SUBMITTED, attempt, response, scored

FRESH = Remembered()


def sent(outcome: Outcome) -> dict[str, Message]:
    assert len({topic for topic, _ in outcome.messages}) == len(outcome.messages), "no topic gets two messages"
    return dict(outcome.messages)


def validated(outcome: Outcome) -> Validated:
    message = sent(outcome)[topics.VALIDATED]
    assert isinstance(message, Validated)
    return message


def test_a_score_at_the_threshold_passes() -> None:
    outcome = decide(response(), scored(0.75), FRESH, SHARED, NOW)
    assert list(sent(outcome)) == [topics.VALIDATED]
    answer = validated(outcome)
    assert (answer.accepted_as, answer.accepted_retry_count, answer.bert_score) == ("passed", 0, 0.75)
    assert (answer.llm_response, answer.model, answer.scorer) == ("an answer 0", "model-0", "scorer-1")
    assert (answer.processing_attempts, answer.total_processing_time_ms) == (1, 30_000.0)
    assert (answer.question_id, answer.submission_id) == (QUESTION, SUBMISSION)
    assert (answer.first_score, answer.tokens, answer.response_time_ms) == (0.75, 7, 120.0)
    assert answer.enqueued_at == SUBMITTED + timedelta(seconds=1), "the stages are counted from when the question was enqueued"


def test_a_low_score_is_reported_and_asked_again() -> None:
    outcome = decide(response(), scored(0.4), FRESH, SHARED, NOW)
    messages = sent(outcome)
    low, question = messages[topics.LOW_QUALITY], messages[topics.PENDING]
    assert isinstance(low, Scored)
    assert isinstance(question, Question)
    assert (low.bert_score, low.llm_response, low.retry_count) == (0.4, "an answer 0", 0)
    assert (question.retry_count, question.retries) == (1, Retries(quality=1))
    assert (question.enqueued_at, question.timestamp, question.submitted_at) == (NOW, NOW, SUBMITTED)
    assert question.original_answer == "Air scatters blue light more than red.", "without it the next answer could not be scored"
    assert question.best_attempt == low.best_attempt == outcome.remembered.best
    assert question.best_attempt is not None
    assert question.best_attempt.bert_score == 0.4
    assert (question.first_score, low.first_score, outcome.remembered.first_score) == (0.4, 0.4, 0.4)


def test_a_question_asked_again_for_its_score_follows_no_error() -> None:
    question = sent(decide(response(error_pickup_ms=40.0), scored(0.4), FRESH, SHARED, NOW))[topics.PENDING]
    assert isinstance(question, Question)
    assert question.error_pickup_ms is None


def test_at_the_limit_the_best_attempt_is_accepted_with_its_own_text_score_and_model() -> None:
    remembered = Remembered((0, 1, 2), attempt(0.6, 1), 0.5)
    outcome = decide(response(3), scored(0.3), remembered, SHARED, NOW)
    assert set(sent(outcome)) == {topics.LOW_QUALITY, topics.VALIDATED}
    answer = validated(outcome)
    assert (answer.accepted_as, answer.accepted_retry_count, answer.processing_attempts) == ("best_attempt", 1, 4)
    assert (answer.llm_response, answer.bert_score, answer.model, answer.scorer) == ("an earlier answer", 0.6, "model-x", "scorer-x")
    assert (answer.first_score, answer.response_time_ms, answer.tokens, answer.llm_started_at) == (0.5, None, None, None)


def test_at_the_limit_the_last_attempt_can_be_the_best() -> None:
    answer = validated(decide(response(3), scored(0.7), Remembered((0, 1, 2), attempt(0.6, 1), 0.5), SHARED, NOW))
    assert (answer.accepted_as, answer.accepted_retry_count, answer.bert_score, answer.tokens) == ("best_attempt", 3, 0.7, 7)


def test_the_first_of_two_equal_attempts_is_the_best() -> None:
    answer = validated(decide(response(3), scored(0.6), Remembered((0,), attempt(0.6, 0), 0.6), SHARED, NOW))
    assert answer.accepted_retry_count == 0


def test_where_state_is_gone_the_message_brings_its_best_attempt() -> None:
    late = response(3, best_attempt=attempt(0.55, 2), first_score=0.2)
    answer = validated(decide(late, scored(0.3), FRESH, SHARED, NOW))
    assert (answer.accepted_retry_count, answer.bert_score, answer.first_score) == (2, 0.55, 0.2)


def test_the_better_of_state_and_message_counts() -> None:
    low = response(1, best_attempt=attempt(0.55, 0))
    best = decide(low, scored(0.3), Remembered((0,), attempt(0.65, 0), 0.65), SHARED, NOW).remembered.best
    assert best is not None
    assert best.bert_score == 0.65


def test_a_blank_or_missing_reference_is_accepted_unscored() -> None:
    for reference in (None, "", " \n\t"):
        outcome = decide(response(original_answer=reference), scored(None), FRESH, SHARED, NOW)
        answer = validated(outcome)
        assert list(sent(outcome)) == [topics.VALIDATED]
        assert (answer.accepted_as, answer.bert_score, answer.scorer, answer.first_score) == ("unscored", None, None, None)


def test_an_attempt_decided_on_before_sends_nothing() -> None:
    first = decide(response(), scored(0.4), FRESH, SHARED, NOW)
    for verdict in (scored(0.4), scored(0.9), scored(None)):
        again = decide(response(), verdict, first.remembered, SHARED, NOW)
        assert again == Outcome((), first.remembered)
    assert refuse(response(), "cannot be scored", first.remembered, NOW) == Outcome((), first.remembered)


def test_an_older_attempt_than_the_last_starts_no_second_chain() -> None:
    outcome = decide(response(1), scored(0.4), Remembered((0, 2), attempt(0.5, 0), 0.5), SHARED, NOW)
    assert list(sent(outcome)) == [topics.LOW_QUALITY]
    assert outcome.remembered.has(1)


def test_an_older_attempt_that_passes_is_an_answer_all_the_same() -> None:
    assert validated(decide(response(1), scored(0.8), Remembered((0, 2), None, 0.5), SHARED, NOW)).accepted_as == "passed"


def test_with_a_budget_per_cause_a_busy_model_does_not_eat_the_chances_to_improve() -> None:
    busy = response(4, retries=Retries(overload=3, quality=1))
    assert topics.PENDING in sent(decide(busy, scored(0.4), FRESH, PER_CAUSE, NOW))
    assert topics.VALIDATED in sent(decide(busy, scored(0.4), FRESH, SHARED, NOW))


def test_a_message_made_by_hand_goes_through() -> None:
    bare = response(1, retries=None, submitted_at=NOW, enqueued_at=None, model=None)
    question = sent(decide(bare, scored(0.1), FRESH, PER_CAUSE, NOW))[topics.PENDING]
    assert isinstance(question, Question)
    assert question.retries == Retries(quality=2)


def test_a_clock_that_is_ahead_gives_no_negative_duration() -> None:
    assert validated(decide(response(submitted_at=NOW + timedelta(hours=1)), scored(0.9), FRESH, SHARED, NOW)).total_processing_time_ms == 0


def test_what_is_not_known_here_is_passed_on() -> None:
    for score in (0.2, 0.9, None):
        for _, message in decide(response(extra={"mine": [1]}), scored(score), FRESH, SHARED, NOW).messages:
            assert message.extra == {"mine": [1]}


def test_an_answer_that_cannot_be_scored_ends_the_submission_with_its_best_attempt() -> None:
    outcome = refuse(response(1), "the text is blank", Remembered((0,), attempt(0.5, 0), 0.5), NOW)
    fatal = sent(outcome)[topics.FATAL]
    assert isinstance(fatal, Fatal)
    assert (fatal.error_type, fatal.error_message, fatal.retry_count) == ("unscorable", "the text is blank", 1)
    assert fatal.best_attempt == attempt(0.5, 0)
    assert fatal.first_score == 0.5


def test_an_ended_submission_keeps_no_text() -> None:
    for outcome in (
        decide(response(), scored(0.9), FRESH, SHARED, NOW),
        decide(response(3), scored(0.1), Remembered((0,), attempt(0.5, 0), 0.5), SHARED, NOW),
        refuse(response(), "blank", FRESH, NOW),
    ):
        assert outcome.remembered.best is None
        assert outcome.remembered.attempts


@given(
    scores=st.lists(st.one_of(st.floats(-1, 1), st.none()), min_size=1, max_size=12),
    budget=st.sampled_from([SHARED, PER_CAUSE]),
    forgets=st.booleans(),
    repeats=st.booleans(),
)
def test_every_chain_of_answers_ends_once_with_the_best(scores: list[float | None], budget, forgets: bool, repeats: bool) -> None:  # type: ignore[no-untyped-def]
    remembered, message, seen = FRESH, response(), []
    for score in scores:
        seen.append(score)
        before = FRESH if forgets else remembered
        outcome = decide(message, scored(score), before, budget, NOW)
        remembered = outcome.remembered
        for topic, each in outcome.messages:
            assert decode(topics.MESSAGE_OF[topic], encode(each)) == each
        if repeats:
            assert decide(message, scored(score), remembered, budget, NOW).messages == ()
        messages = sent(outcome)
        low = score is not None and score < budget.threshold
        assert (topics.LOW_QUALITY in messages) == low
        assert (topics.PENDING in messages) != (topics.VALIDATED in messages), "the submission goes on or ends, never both, never neither"
        if topics.VALIDATED in messages:
            answer = validated(outcome)
            known = [each for each in seen if each is not None]
            if score is None:
                assert answer.bert_score is None
            elif low:
                assert answer.bert_score == max(known)
                assert len(seen) == RULES[Cause.QUALITY].limit + 1
            else:
                assert answer.bert_score == score
            assert answer.processing_attempts == len(seen)
            assert answer.first_score in (None, next(iter(known), None))
            return
        question = messages[topics.PENDING]
        assert isinstance(question, Question)
        assert question.retry_count == message.retry_count + 1
        assert question.best_attempt is not None
        assert question.best_attempt.bert_score == max(each for each in seen if each is not None)
        message = response(
            question.retry_count, retries=question.retries, best_attempt=question.best_attempt, first_score=question.first_score
        )


@given(budget=st.sampled_from(list(Budget)), retry_count=st.integers(0, 50), score=st.floats(-1, 0.74))
def test_no_retry_count_goes_on_for_ever(budget: Budget, retry_count: int, score: float) -> None:
    rules = SHARED if budget is Budget.SHARED else PER_CAUSE
    outcome = decide(response(retry_count), scored(score), FRESH, rules, NOW)
    assert (topics.PENDING in sent(outcome)) == (retry_count < RULES[Cause.QUALITY].limit)


def test_a_submission_that_has_ended_stays_ended_whatever_attempt_comes_again() -> None:
    ended = decide(response(1), Verdict(0.9, "s", NOW), Remembered((0,), attempt(0.5, 0), 0.5), SHARED, NOW).remembered
    assert ended.finished
    for late in (0, 1, 2, 3):
        assert decide(response(late), Verdict(0.1, "s", NOW), ended, SHARED, NOW).messages == ()
        assert refuse(response(late), "blank", ended, NOW).messages == ()


def test_state_that_was_written_without_an_end_is_read() -> None:
    assert msgspec.json.decode(b'{"attempts": [0], "best": null, "first_score": 0.5}', type=Remembered) == Remembered((0,), None, 0.5)
