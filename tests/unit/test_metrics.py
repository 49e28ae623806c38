"""What each service shows of itself to Prometheus."""

import pytest

from streaming import metrics
from streaming.services import BY_NAME, SERVICES
from streaming.topics import LLM_CONSUMER, STORAGE_PERSISTER


def names(service: str) -> set[str]:
    """The metrics, as the text names them before their series."""
    return {line.split()[2] for line in BY_NAME[service].exposed().decode().splitlines() if line.startswith("# TYPE answerloop_")}


def test_a_gate_is_shown_by_the_service_that_has_one_and_by_no_other() -> None:
    assert [service for service in BY_NAME if "answerloop_model_gate_open" in names(service)] == [LLM_CONSUMER]


@pytest.mark.parametrize("service", BY_NAME)
def test_a_service_shows_the_state_of_its_process_too(service: str) -> None:
    assert "process_resident_memory_bytes" in BY_NAME[service].exposed().decode()


def test_every_declared_metric_is_shown_by_some_service() -> None:
    shown = {registry for service in SERVICES for registry in service.metrics}
    declared = {value for value in vars(metrics).values() if isinstance(value, metrics.CollectorRegistry)}
    assert shown == declared


def test_the_first_failure_is_a_growth_from_0_and_not_a_new_series() -> None:
    text = BY_NAME[STORAGE_PERSISTER].exposed().decode()
    assert 'answerloop_persisted_total{effect="failed",topic="llm-responses-error-fatal"}' in text
