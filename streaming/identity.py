"""Names of things that must come out the same wherever they are computed."""

import unicodedata
from uuid import UUID, uuid5

NAMESPACE = UUID("fd49786d-b2e8-57df-b3d2-9f6841fef0ce")


def normalise(text: str) -> str:
    """NFKC, casefold, whitespace runs to one space, stripped."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def question_id(answer_set: str, question_text: str) -> UUID:
    """The id of a question: the same text in the same answer set is the same question."""
    return uuid5(NAMESPACE, f"{answer_set}\n{normalise(question_text)}")


def derived_submission_id(question: UUID) -> UUID:
    """The submission of a message that came without one, made by hand."""
    return uuid5(NAMESPACE, f"submission\n{question}")


def dataset_question_text(title: str, content: str) -> str:
    """The question that a dataset row asks: its title, then its content after a newline."""
    return f"{title}\n{content}" if content.strip() else title
