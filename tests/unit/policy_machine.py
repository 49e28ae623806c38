"""The retry policy under every sequence of causes, told by counts of the machine's own."""

from collections import Counter

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from streaming import retry_policy
from streaming.contracts import Retries
from streaming.retry_policy import Again, Budget, Cause, Exhausted

LIMITS = {Cause.OVERLOAD: 3, Cause.QUOTA: 5, Cause.QUALITY: 3}
CEILINGS = {Budget.SHARED: 5, Budget.PER_CAUSE: 11}
OVERLOAD_DELAYS_S = [2, 4, 8]


class PolicyMachine(RuleBasedStateMachine):
    """One submission; it goes on after a cause is exhausted, as if the other causes had not been told."""

    @initialize(budget=st.sampled_from(Budget))
    def begin(self, budget: Budget) -> None:
        self.budget = budget
        self.number = 0
        self.retries = Retries()
        self.mine: Counter[Cause] = Counter()

    @rule(cause=st.sampled_from(Cause), retry_after=st.none() | st.floats(0, 1e9))
    def fail(self, cause: Cause, retry_after: float | None) -> None:
        used = sum(self.mine.values()) if self.budget is Budget.SHARED else self.mine[cause]
        step = retry_policy.next_step(self.budget, cause, self.number, self.retries)
        if used >= LIMITS[cause]:
            assert step == Exhausted(used, LIMITS[cause]), "at its limit a cause is given up"
            return
        assert isinstance(step, Again), "below its limit a cause is retried"
        if cause is Cause.OVERLOAD:
            delay_s = retry_policy.overload_delay_s(self.number, self.retries, retry_after)
            assert delay_s == max(OVERLOAD_DELAYS_S[self.mine[cause]], min(retry_after or 0, 300))
        assert step.retry_count == self.number + 1, "attempts are numbered without a gap"
        self.mine[cause] += 1
        self.number, self.retries = step.retry_count, step.retries

    @invariant()
    def counts_hold(self) -> None:
        if not hasattr(self, "mine"):
            return
        assert Retries(**{cause.value: self.mine[cause] for cause in Cause}) == self.retries
        assert self.number == sum(self.mine.values()) <= CEILINGS[self.budget]
        assert retry_policy.within_ceiling(self.budget, self.number)
        assert all(self.mine[cause] <= limit for cause, limit in LIMITS.items())

    def teardown(self) -> None:
        if hasattr(self, "mine"):
            for cause in [*Cause] * max(CEILINGS.values()):
                self.fail(cause, None)
            assert self.number == CEILINGS[self.budget], "no sequence of causes ends below the highest count or goes past it"
