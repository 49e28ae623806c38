"""What every test may rely on."""

import os

import pytest


@pytest.fixture(autouse=True)
def stack_where_one_is_needed(request: pytest.FixtureRequest) -> None:
    """Tests of real components say so, instead of failing one by one on an address that nobody listens on."""
    needs_one = request.node.get_closest_marker("integration") or request.node.get_closest_marker("faults")
    if needs_one and "ANSWERLOOP_STATE_DIR" not in os.environ:
        pytest.fail("this test needs a running stack: `make test` brings one, or `make up` and `. .local/env`", pytrace=False)
