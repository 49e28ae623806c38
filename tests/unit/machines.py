"""How long the state machines run: short by default; ANSWERLOOP_MACHINE_STEPS=100000 asks for so many steps of each."""

import os

from hypothesis import HealthCheck, Phase, settings

STEPS_OF_A_RUN = 50


def of_steps(default: int) -> settings:
    """So many steps in all, unless the environment names another number."""
    steps = int(os.environ.get("ANSWERLOOP_MACHINE_STEPS", default))
    return settings(
        max_examples=max(steps // STEPS_OF_A_RUN, 1),
        stateful_step_count=STEPS_OF_A_RUN,
        deadline=None,
        print_blob=True,
        suppress_health_check=list(HealthCheck),
    )


# A broken mechanism must be found out; the shortest way to it is not asked for.
UNSHRUNK = settings(
    max_examples=300,
    stateful_step_count=STEPS_OF_A_RUN,
    phases=[Phase.generate],
    database=None,
    deadline=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
)
