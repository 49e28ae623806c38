from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streaming.identity import dataset_question_text, normalise, question_id


@pytest.mark.parametrize(
    ("answer_set", "text", "expected"),
    [
        ("default", "Why is the sky blue?", "966e6a2b-590c-549e-bf1b-d05965eb3afe"),
        ("default", "  why is the SKY\nblue? ", "966e6a2b-590c-549e-bf1b-d05965eb3afe"),
        ("run-1", "Why is the sky blue?", "c5e3dfe3-7b07-5289-97ea-21db6e736f02"),
        ("default", "¿Qué es la ﬁlosofía? Straße", "a9deeaf2-7591-5ced-be09-311cc6ee8760"),
    ],
)
def test_question_ids_are_those_of_the_contract(answer_set: str, text: str, expected: str) -> None:
    assert question_id(answer_set, text) == UUID(expected)


@given(st.text())
def test_whitespace_around_a_text_does_not_matter(text: str) -> None:
    assert normalise(f" \n{text}\t ") == normalise(text)


def test_a_dataset_row_asks_its_title_then_its_content() -> None:
    assert dataset_question_text("Why?", "I wonder.") == "Why?\nI wonder."
    assert dataset_question_text("Why?", "  ") == "Why?"
