"""The owner of the score job logs as whoever started it has set up."""

import logging
import signal
from collections.abc import Iterator

import pytest

from flink import submitter
from streaming.settings import Settings


class Begun(Exception):
    """The owner has come to its endpoints."""


@pytest.fixture
def signals_as_they_were() -> Iterator[None]:
    handlers = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    yield
    for number, handler in handlers.items():
        signal.signal(number, handler)


def test_to_run_the_owner_leaves_the_logging_as_it_was_set_up(monkeypatch: pytest.MonkeyPatch, signals_as_they_were: None) -> None:
    def begun(*_: object) -> None:
        raise Begun

    monkeypatch.setattr(submitter, "serve_ops", begun)
    root = logging.getLogger()
    before = list(root.handlers), root.level
    with pytest.raises(Begun):
        submitter.run(Settings(log_level="ERROR"))
    assert (list(root.handlers), root.level) == before
