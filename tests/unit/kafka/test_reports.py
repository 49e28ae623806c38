"""A login that Kafka refuses, told from a connection that broke while it was made."""

import confluent_kafka as ck
import pytest

from streaming.kafka import reports
from streaming.kafka.reports import REFUSALS, REFUSALS_WITHIN_S, Reports

REFUSED = ck.KafkaError(ck.KafkaError._AUTHENTICATION, "invalid credentials")
AWAY = ck.KafkaError(ck.KafkaError._ALL_BROKERS_DOWN)


class Time:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def time(monkeypatch: pytest.MonkeyPatch) -> Time:
    set_by_hand = Time()
    monkeypatch.setattr(reports, "time", set_by_hand)
    return set_by_hand


def test_a_broker_that_goes_on_refusing_refuses_and_the_settings_are_named(time: Time) -> None:
    reported = Reports()
    for _ in range(REFUSALS):
        assert not reported.refused
        reported(REFUSED)
        reported(AWAY)
        time.now += 1
    assert reported.refused
    said = str(reported.refusal())
    assert "ANSWERLOOP_KAFKA_SASL_USERNAME" in said
    assert "ANSWERLOOP_KAFKA_SASL_PASSWORD" in said
    assert "invalid credentials" in said
    assert not reported.refused, "what comes later counts anew"


def test_a_refusal_now_and_then_is_a_broker_that_was_restarted(time: Time) -> None:
    reported = Reports()
    for _ in range(10 * REFUSALS):
        reported(REFUSED)
        time.now += REFUSALS_WITHIN_S / (REFUSALS - 1) + 1
        assert not reported.refused


def test_brokers_that_are_away_refuse_nobody(time: Time) -> None:
    reported = Reports()
    for _ in range(10 * REFUSALS):
        reported(AWAY)
    assert not reported.refused
