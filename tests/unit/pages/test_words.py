"""Values as people read them."""

from datetime import UTC, datetime, timedelta, timezone

from answerloop_airflow.pages import words


def test_what_is_missing_is_no_zero() -> None:
    for name in ("count", "rate", "percent", "score", "ms", "seconds", "moment"):
        assert words.FILTERS[name](None) == "–", name
    assert words.FILTERS["count"](0) == "0"


def test_seconds_take_the_unit_that_fits() -> None:
    assert words.seconds(0.24) == "240 ms"
    assert words.seconds(185) == "3 min 5 s"


def test_a_moment_is_in_utc() -> None:
    assert words.moment(datetime(2026, 11, 23, 23, 36, 24, tzinfo=timezone(timedelta(hours=1)))) == "2026-11-23 22:36:24"
    assert words.moment(datetime(2026, 11, 23, 22, 36, 24, tzinfo=UTC)) == "2026-11-23 22:36:24"


def test_a_name_has_no_underscore() -> None:
    assert words.plain("timed_out") == "timed out"


def test_a_value_in_an_address_ends_where_it_ends() -> None:
    assert words.in_address("a/b&c=d e+f") == "a%2Fb%26c%3Dd%20e%2Bf"
