"""Values as people read them."""

import pytest

from answerloop_airflow.pages import words


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "–"),
        (0.0, "0.0 s"),
        (9.94, "9.9 s"),
        (59, "59 s"),
        (185, "3 min 5 s"),
        (7200, "2 h"),
        (7440, "2 h 4 min"),
        (90_000, "1 d 1 h"),
    ],
)
def test_seconds(value: float | None, text: str) -> None:
    assert words.seconds(value) == text


@pytest.mark.parametrize(("value", "text"), [(None, "–"), (0.4, "0 ms"), (240, "240 ms"), (1240, "1.2 s"), (61_000, "1 min 1 s")])
def test_milliseconds(value: float | None, text: str) -> None:
    assert words.milliseconds(value) == text


def test_what_is_missing_is_no_zero() -> None:
    assert words.number(None) == words.percent(None) == words.moment(None) == "–"
    assert words.number(0) == "0"
    assert words.percent(0.1234) == "12.3 %"


def test_a_state_has_no_underscore() -> None:
    assert words.state("timed_out") == "timed out"
    assert words.state("something_new") == "something_new"
