"""How a process logs."""

import logging
from collections.abc import Iterator

import pytest

from streaming import logs


@pytest.fixture
def logging_as_it_was() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    root.handlers.clear()
    yield
    root.handlers[:], root.level = handlers, level


def test_a_record_is_one_line_with_its_level_and_its_logger(logging_as_it_was: None, capsys: pytest.CaptureFixture[str]) -> None:
    logs.set_up("INFO")
    logging.getLogger("answers").info("stored")
    assert capsys.readouterr().err.endswith("INFO answers: stored\n")


def test_each_request_of_a_client_is_not_logged(logging_as_it_was: None, capsys: pytest.CaptureFixture[str]) -> None:
    logs.set_up("INFO")
    logging.getLogger("httpx").info("HTTP Request: GET http://127.0.0.1:1/")
    assert capsys.readouterr().err == ""
