"""From records to records: judging a batch and what leaves the job for each."""

import json
from collections.abc import Sequence

import msgspec
import pytest
from hypothesis import given, settings

from flink.figures import SCALE, counted
from flink.judging import Judged, judge
from flink.outputs import Effect, Source, effect
from flink.routing import Remembered
from streaming import topics
from streaming.contracts import DeadLetter, Fatal, Response, Scored, decode, encode
from streaming.errors import UnscorablePair
from streaming.scoring.pair import Pair
from streaming.topics import MAX_MESSAGE_BYTES, MESSAGE_OF
from tests.unit.flink_routing.messages import NOW, QUESTION, SHARED, attempt, response
from tests.unit.hostile import COMPLETE, large_records, records

FRESH = Remembered()


class FixedScores:
    """Scores each pair by its answer's text; refuses blank answers, fails where it is told to."""

    name, unit, range = "fixed", "F1", (0.0, 1.0)

    def __init__(self, scores: dict[str, float]) -> None:
        self._scores = scores
        self.batches: list[int] = []

    def score(self, pairs: Sequence[Pair]) -> list[float | UnscorablePair]:
        self.batches.append(len(pairs))
        if any(pair.answer == "breaks the model" for pair in pairs):
            raise RuntimeError("out of memory")
        return [self._scores.get(pair.answer, 0.5) if pair.answer.strip() else UnscorablePair("answer: blank") for pair in pairs]


def value_of(message: Response) -> bytes:
    return encode(message)


def effect_of(value: bytes | None, remembered: Remembered = FRESH, **scores: float) -> Effect:
    (judged,) = judge([value], FixedScores(scores), NOW)
    return effect(Source(2, 77, value), judged, remembered, SHARED, NOW)


def test_a_batch_is_scored_in_one_go_and_keeps_its_order() -> None:
    scorer = FixedScores({"a": 0.9, "b": 0.1})
    values = [
        value_of(response(llm_response="a")),
        b"no message",
        value_of(response(llm_response="x", original_answer=None)),
        value_of(response(llm_response="b")),
        None,
        value_of(response(llm_response="  ")),
    ]
    judged = judge(values, scorer, NOW)
    assert [each.score for each in judged] == [0.9, None, None, 0.1, None, None]
    assert [each.cause for each in judged] == [None, "invalid_message", None, None, "invalid_message", "unscorable"]
    assert [each.scorer for each in judged] == ["fixed", None, None, "fixed", None, None]
    assert scorer.batches == [3]


@pytest.mark.parametrize("score", [float("nan"), 1.4, -0.3, float("inf")])
def test_what_is_no_score_of_its_scorer_is_refused_and_its_batch_mates_are_scored(score: float) -> None:
    values = [value_of(response(llm_response="a")), value_of(response(llm_response="b"))]
    refused, good = judge(values, FixedScores({"a": score, "b": 1.004}), NOW)
    assert (refused.score, refused.cause) == (None, "unscorable")
    assert "outside of its range from 0 to 1" in refused.reason
    assert good.score == 1.004, "rounding is no fault"


def test_a_batch_without_pairs_asks_the_scorer_nothing() -> None:
    scorer = FixedScores({})
    judge([None, value_of(response(original_answer=" "))], scorer, NOW)
    assert scorer.batches == []


def test_an_error_of_the_model_is_nobodys_score() -> None:
    with pytest.raises(RuntimeError, match="out of memory"):
        judge([value_of(response(llm_response="breaks the model"))], FixedScores({}), NOW)


def test_a_blank_answer_is_refused_even_without_a_reference() -> None:
    (judged,) = judge([value_of(response(llm_response=" ", original_answer=None))], FixedScores({}), NOW)
    assert judged.cause == "unscorable"


def test_a_message_from_the_future_does_not_move_event_time_past_now() -> None:
    (judged,) = judge([value_of(response(timestamp=NOW.replace(year=2999)))], FixedScores({}), NOW)
    assert judged.event_time_ms == int(NOW.timestamp() * 1000)


def test_every_record_that_leaves_is_keyed_by_its_question() -> None:
    done = effect_of(value_of(response()))
    assert [(output.topic, output.key) for output in done.outputs] == [
        (topics.LOW_QUALITY, str(QUESTION)),
        (topics.PENDING, str(QUESTION)),
    ]


def test_a_record_that_is_no_message_goes_to_dead_letters_with_its_place() -> None:
    done = effect_of(b"no message")
    (output,) = done.outputs
    letter = decode(DeadLetter, output.value)
    assert output.topic == topics.DEAD_LETTERS
    assert output.key == "llm-responses-success[2]@77"
    assert (letter.topic, letter.partition, letter.offset, letter.length) == (topics.SUCCESS, 2, 77, 10)
    assert "JSON" in letter.reason


def test_whoever_waits_for_a_broken_records_question_is_told() -> None:
    done = effect_of(json.dumps({"question_id": str(QUESTION), "question_text": "x"}).encode())
    letter, fatal = done.outputs
    message = decode(Fatal, fatal.value)
    assert (letter.topic, fatal.topic) == (topics.DEAD_LETTERS, topics.FATAL)
    assert (message.question_id, message.error_type) == (QUESTION, "invalid_message")
    assert letter.key == fatal.key == str(QUESTION)


def test_an_unscorable_answer_is_a_dead_letter_and_ends_its_submission() -> None:
    done = effect_of(value_of(response(1, llm_response=" ")), Remembered((0,), attempt(0.5, 0), 0.5))
    letter, fatal = done.outputs
    message = decode(Fatal, fatal.value)
    assert letter.topic == topics.DEAD_LETTERS
    assert (message.error_type, message.retry_count, message.best_attempt) == ("unscorable", 1, attempt(0.5, 0))
    assert done.outcome is not None
    assert effect_of(value_of(response(1, llm_response=" ")), done.outcome.remembered).outputs == ()


def test_what_a_topic_would_refuse_for_its_size_becomes_a_dead_letter_and_not_a_crash() -> None:
    half = "x" * (4 * 1024 * 1024)
    done = effect_of(value_of(response(llm_response=half)))
    assert {output.topic for output in done.outputs} == {topics.DEAD_LETTERS, topics.FATAL}
    assert all(len(output.value) < topics.MAX_MESSAGE_BYTES for output in done.outputs)


def test_a_best_attempt_too_large_to_send_on_still_ends_the_submission() -> None:
    half = "x" * (4 * 1024 * 1024)
    done = effect_of(value_of(response(1, llm_response=half)), Remembered((0,), attempt(0.1, 0, text=half * 2), 0.1))
    assert [output.topic for output in done.outputs] == [topics.DEAD_LETTERS, topics.FATAL]


@settings(deadline=None)
@given(records)
def test_whatever_the_record_its_effect_is_found_and_reads_back(value: bytes | None) -> None:
    for output in effect_of(value).outputs:
        decode(MESSAGE_OF[output.topic], output.value)


@pytest.mark.parametrize("value", large_records(), ids=lambda value: repr(value[:20]))
def test_the_effect_of_a_record_that_fills_the_topic_fits_the_topics(value: bytes) -> None:
    for output in effect_of(value).outputs:
        assert len(output.value) < MAX_MESSAGE_BYTES - 32 * 1024
        decode(MESSAGE_OF[output.topic], output.value)


def test_the_highest_attempt_number_that_is_read_can_be_written() -> None:
    for retry_count in (2**31 - 2, 2**31 - 1):
        bare = {name: item for name, item in COMPLETE.items() if name != "processing_attempts"}
        for output in effect_of(json.dumps(bare | {"retry_count": retry_count}).encode()).outputs:
            decode(MESSAGE_OF[output.topic], output.value)


def test_the_score_of_an_attempt_is_its_own_whatever_its_record_says() -> None:
    done = effect_of(json.dumps(COMPLETE | {"bert_score": 0.99, "processing_attempts": 7, "scorer": "forged"}).encode(), Rayleigh=0.1)
    low = decode(Scored, done.outputs[0].value)
    assert (low.bert_score, low.processing_attempts, low.scorer) == (0.1, 1, "fixed")


def test_the_figures_of_a_submission_that_was_regenerated_add_up() -> None:
    total: dict[str, int] = {}
    remembered = Remembered()
    for retry_count, score in enumerate((0.5, 0.6, 0.8)):
        done = effect_of(value_of(response(retry_count, llm_response=f"try {retry_count}")), remembered, **{f"try {retry_count}": score})
        for name, growth in counted(done, remembered).items():
            total[name] = total.get(name, 0) + growth
        assert done.outcome is not None
        remembered = done.outcome.remembered
    assert (total["records"], total["scored_pairs"], total["first_scores"], total["finished"], total["regenerated"]) == (3, 3, 1, 1, 1)
    assert (total["regenerations"], total["below_threshold"], total["duplicates"], total["dead_letters"]) == (2, 2, 0, 0)
    assert (total["first_score_sum"], total["regenerated_score_sum"]) == (0.5 * SCALE, 0.8 * SCALE)
    assert total["improvement_sum"] == pytest.approx(0.3 * SCALE)


def test_duplicates_and_dead_letters_are_counted_as_such() -> None:
    known = Remembered((0,), None, 0.9)
    assert counted(effect_of(value_of(response()), known), known)["duplicates"] == 1
    assert counted(effect_of(b"no message"), Remembered())["dead_letters"] == 1
    unscored = counted(effect_of(value_of(response(original_answer=None))), Remembered())
    assert (unscored["unscored"], unscored["scored_pairs"], unscored["finished"]) == (1, 0, 1)


def test_a_judgement_survives_its_way_between_the_operators() -> None:
    (judged,) = judge([value_of(response())], FixedScores({}), NOW)
    assert msgspec.json.decode(msgspec.json.encode(judged), type=Judged) == judged
