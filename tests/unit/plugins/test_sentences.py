"""Errors of the loop as a task's log shows them."""

import logging

import pytest
from airflow.sdk.exceptions import AirflowException, AirflowFailException

from answerloop_airflow.sentences import told_in_a_sentence
from streaming.errors import ConfigurationError, Unreachable, UserError


@pytest.mark.parametrize("error", [UserError, ConfigurationError])
def test_what_a_person_must_put_right_is_not_tried_again(error: type[Exception], caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(AirflowFailException, match=r"^Load a dataset first\.$"), told_in_a_sentence():
        raise error("Load a dataset first.")
    assert [(each.levelno, each.message) for each in caplog.records] == [(logging.ERROR, "Load a dataset first.")]


def test_what_is_away_may_be_tried_again() -> None:
    with pytest.raises(AirflowException, match=r"^Kafka is away\.$") as caught, told_in_a_sentence():
        raise Unreachable("Kafka is away.")
    assert not isinstance(caught.value, AirflowFailException)


def test_an_error_of_nobodys_is_not_dressed_up() -> None:
    with pytest.raises(ZeroDivisionError), told_in_a_sentence():
        _ = 1 / 0
