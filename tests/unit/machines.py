"""How long the state machines run: short by default; ANSWERLOOP_MACHINE_STEPS=100000 asks for so many steps of each."""

import asyncio
import os

from hypothesis import HealthCheck, Phase, settings
from hypothesis.errors import Flaky

STEPS_OF_A_RUN = 50


def of_steps(default: int) -> settings:
    """So many steps in all, unless the environment names another number."""
    steps = int(os.environ.get("ANSWERLOOP_MACHINE_STEPS", default))
    return settings(
        max_examples=max(steps // STEPS_OF_A_RUN, 1),
        stateful_step_count=STEPS_OF_A_RUN,
        phases=[Phase.explicit, Phase.reuse, Phase.generate],  # shrinking so long a run outlasts the test's time
        deadline=None,
        print_blob=True,
        report_multiple_bugs=False,
        suppress_health_check=list(HealthCheck),
    )


# A broken mechanism must be found out; how soon depends on no chance.
UNSHRUNK = settings(
    max_examples=1000,
    stateful_step_count=STEPS_OF_A_RUN,
    phases=[Phase.generate],
    database=None,
    deadline=None,
    derandomize=True,
    report_multiple_bugs=False,
    suppress_health_check=list(HealthCheck),
)

# A machine's assertion failed; once only counts as well, where what is broken fails by chance.
NOTICED = (AssertionError, Flaky)


def told(task: "asyncio.Task[None]") -> "asyncio.Task[None]":
    """A task whose error counts as seen: what asyncio logs of one that nobody saw, in the middle of a collection of garbage, breaks a parse
    of Python's that is under way (python/cpython 106905), and Hypothesis parses."""
    task.add_done_callback(lambda ended: None if ended.cancelled() else ended.exception())
    return task
