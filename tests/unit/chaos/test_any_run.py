"""Whatever the model does, and however often a record is delivered, the loop's own rules break nothing."""

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from streaming.errors import UnscorablePair
from streaming.model.outcome import Overloaded, QuotaReached, Refused
from streaming.retry_policy import Budget
from tests.chaos.checker import check
from tests.chaos.checks_calls import repeated_calls
from tests.chaos.evidence import Evidence
from tests.chaos.invariants import Invariant
from tests.unit.chaos.good_run import BUSY, LIMITED
from tests.unit.chaos.loop import LIMITS, Loop, Step

errors = st.one_of(
    st.builds(Overloaded, st.just("503: busy"), st.just("http_503"), st.just(True), st.none() | st.floats(0, 300)),
    st.builds(QuotaReached, st.just("402: payment required"), st.floats(1, 3600)),
    st.builds(Refused, st.just("refused_by_model"), st.just("400: no")),
)
scores = st.one_of(st.floats(-1, 1), st.sampled_from([LIMITS.threshold, 0.5]), st.none(), st.builds(UnscorablePair, st.just("too long")))


def scripts(delivered_again: st.SearchStrategy[bool]) -> st.SearchStrategy[list[list[Step]]]:
    """What becomes of each of a few questions."""
    return st.lists(st.lists(st.builds(Step, errors | scores, delivered_again, st.integers(0, 3)), max_size=8), min_size=1, max_size=3)


def played(scripts: list[list[Step]], budget: Budget) -> Evidence:
    loop = Loop(budget)
    for number, script in enumerate(scripts):
        loop.ask_with_crashes(f"Question {number}?", script)
    return loop.evidence()


@settings(max_examples=25, derandomize=True)
@given(scripts(st.just(False)), st.sampled_from(Budget))
def test_a_run_without_faults_breaks_nothing(scripts: list[list[Step]], budget: Budget) -> None:
    run = played(scripts, budget)
    assert check(run, replace(LIMITS, budget=budget)) == []
    assert repeated_calls(run) == 0


@settings(max_examples=25, derandomize=True)
@given(scripts(st.booleans()), st.sampled_from(Budget))
def test_records_that_are_delivered_again_cost_calls_and_break_nothing(scripts: list[list[Step]], budget: Budget) -> None:
    run = played(scripts, budget)
    assert check(run, replace(LIMITS, budget=budget, repeats_allowed=repeated_calls(run))) == []


def test_causes_that_are_counted_apart_are_too_many_for_a_shared_budget() -> None:
    errors = [BUSY, LIMITED, BUSY, LIMITED, 0.5, 0.5]
    run = played([[Step(fate, False, 0) for fate in errors]], Budget.PER_CAUSE)
    assert check(run, replace(LIMITS, budget=Budget.PER_CAUSE)) == []
    assert {violation.invariant for violation in check(run, LIMITS)} >= {Invariant.RETRY_LIMITS}
