"""These tests kill and stop real components, at the addresses in ANSWERLOOP_* variables."""

import pytest

from tests import stack
from tests.stack import the_stack_is_named

__all__ = ["the_stack_is_named"]


@pytest.fixture(scope="module", autouse=True)
def dataset() -> str:
    return stack.load_sample()


@pytest.fixture(autouse=True)
def clean_model() -> None:
    stack.set_faults()
