"""These tests kill and stop real components, at the addresses in ANSWERLOOP_* variables."""

import os

import pytest

from tests import stack


@pytest.fixture(autouse=True, scope="session")
def the_stack_is_named() -> None:
    """Say what is missing once, instead of failing test by test on addresses that nobody listens on."""
    if "ANSWERLOOP_STATE_DIR" not in os.environ:
        pytest.exit("these tests need a running stack: `make test` brings one; or `make up` and `. .local/env`", returncode=4)


@pytest.fixture(scope="module", autouse=True)
def dataset() -> str:
    return stack.load_sample()


@pytest.fixture(autouse=True)
def clean_model() -> None:
    stack.set_faults()
