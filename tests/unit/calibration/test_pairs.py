"""Which pairs a calibration scores."""

from collections import Counter
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streaming.calibration.pairs import Question, Recorded, derangement, distinct, labelled_pairs
from streaming.figures.rates import Group

MANY = [Question(f"Answer number {index} is about something of its own, say {index * 7}.", topic=index % 3) for index in range(50)]


def of(group: Group, questions: list[Question], seed: int = 1) -> list[tuple[str, str, str]]:
    return [(each.kind, *each.pair) for each in labelled_pairs(questions, seed) if each.group is group]


@given(st.integers(2, 300), st.integers(0, 10_000))
def test_a_derangement_leaves_nothing_in_its_place_and_loses_nothing(count: int, seed: int) -> None:
    order = derangement(count, Random(seed))
    assert sorted(order) == list(range(count))
    assert all(index != other for index, other in enumerate(order))


def test_every_question_is_matched_once_and_unrelated_to_one_other() -> None:
    matched, unrelated = of(Group.MATCHED, MANY), of(Group.UNRELATED, MANY)
    references = [question.reference for question in MANY]
    assert [reference for *_, reference in matched] == references
    assert [reference for *_, reference in unrelated] == references
    assert Counter(answer for _, answer, _ in unrelated) == Counter(references)
    assert all(answer != reference for _, answer, reference in [*matched, *unrelated])


def test_pairs_of_one_topic_stay_in_it() -> None:
    topic = {question.reference: question.topic for question in MANY}
    pairs = of(Group.SAME_TOPIC, MANY)
    assert len(pairs) == len(MANY)
    assert all(topic[answer] == topic[reference] and answer != reference for _, answer, reference in pairs)


def test_a_topic_with_one_question_and_questions_without_a_topic_have_no_pair_of_one_topic() -> None:
    assert of(Group.SAME_TOPIC, [Question("one", 1), Question("two", 2), Question("three"), Question("four")]) == []


def test_one_seed_gives_the_same_pairs_and_another_gives_others() -> None:
    assert labelled_pairs(MANY, 3) == labelled_pairs(MANY, 3)
    assert of(Group.UNRELATED, MANY, 3) != of(Group.UNRELATED, MANY, 4)


def test_a_recorded_answer_comes_before_another_reference_and_that_before_a_variant() -> None:
    recorded, other = Recorded("It said so.", "llama3.2:1b"), "Somebody else said so."
    kinds = of(
        Group.MATCHED,
        [Question("one", recorded=recorded, other_reference=other), Question("two", other_reference=other), Question("three")],
    )
    assert kinds == [
        ("answer of llama3.2:1b", "It said so.", "one"),
        ("another reference for the same question", other, "two"),
        ("variant: closing mark added or removed", "three.", "three"),
    ]


def test_what_the_simulator_answered_is_never_a_matched_pair() -> None:
    simulated = Recorded("Made up.", "llama3.2:1b (simulated)")
    questions = [Question("one", simulated=simulated), Question("two")]
    assert of(Group.SIMULATED, questions) == [("answer of llama3.2:1b (simulated)", "Made up.", "one")]
    assert all(kind.startswith("variant: ") for kind, *_ in of(Group.MATCHED, questions))


def test_an_answer_recorded_since_changes_no_other_pair() -> None:
    before, after = list(MANY), [MANY[0]._replace(recorded=Recorded("New.", "llama3.2:1b")), *MANY[1:]]
    assert labelled_pairs(before, 1)[1:] == labelled_pairs(after, 1)[1:]


def test_blank_and_repeated_references_are_left_out() -> None:
    questions = [Question(text) for text in ("Google it", "", " \n", "  google IT ", "Ask a doctor")]
    assert [question.reference for question in distinct(questions)] == ["Google it", "Ask a doctor"]


@pytest.mark.parametrize("questions", [[], [Question("alone")]])
def test_less_than_two_questions_make_no_pairs(questions: list[Question]) -> None:
    with pytest.raises(ValueError, match="two questions"):
        labelled_pairs(questions, 1)
