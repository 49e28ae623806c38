"""Short by default; ANSWERLOOP_MACHINE_STEPS=100000 asks for so many steps."""

import os

import pytest
from hypothesis import HealthCheck, settings

from tests.unit.kafka.machine import ConsumingMachine

STEPS_OF_A_RUN = 50
STEPS = int(os.environ.get("ANSWERLOOP_MACHINE_STEPS", "1500"))

TestConsuming = pytest.mark.timeout(300 + STEPS // 50)(ConsumingMachine.TestCase)
TestConsuming.settings = settings(
    max_examples=max(STEPS // STEPS_OF_A_RUN, 1),
    stateful_step_count=STEPS_OF_A_RUN,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
