"""The in-flight limit under every order of beginnings and ends."""

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from streaming.llm.limit import InFlightLimit


class LimitMachine(RuleBasedStateMachine):
    """Holds the limit and the tickets of what is under way."""

    @initialize(start=st.integers(1, 40), most=st.integers(1, 40))
    def begin_with(self, start: int, most: int) -> None:
        self.most = most
        self.limit = InFlightLimit(start, most)
        self.open: list[int] = []

    @precondition(lambda self: self.limit.in_flight < self.limit.limit)
    @rule(count=st.integers(1, 10))
    def begin(self, count: int) -> None:
        for _ in range(count):
            if self.limit.in_flight < self.limit.limit:
                self.open.append(self.limit.begin())

    def _end(self, data: st.DataObject, **account: object) -> tuple[float, float, bool]:
        """The limit before and after one call's end, and whether the call was begun after the last decrease."""
        ticket = self.open.pop(data.draw(st.integers(0, len(self.open) - 1)))
        before, fresh = self.limit._limit, ticket > self.limit._begun_at_decrease
        self.limit.end(ticket, **account)  # type: ignore[arg-type]
        return before, self.limit._limit, fresh

    @precondition(lambda self: self.open)
    @rule(data=st.data())
    def end_without_saying_anything_of_the_load(self, data: st.DataObject) -> None:
        before, after, _ = self._end(data)
        assert after == before, "an error, a cancelled call or a refused connection leaves the limit alone"

    @precondition(lambda self: self.open)
    @rule(data=st.data())
    def end_overloaded(self, data: st.DataObject) -> None:
        before, after, fresh = self._end(data, overloaded=True)
        if fresh:
            assert after < before or before == 1, "an overload lowers the limit"
        else:
            assert after == before, "one crowd lowers the limit once"

    @precondition(lambda self: self.open)
    @rule(
        data=st.data(),
        wait_s=st.none() | st.sampled_from([0.0, 0.01, 0.3, 1.0, 30.0]),
        service_s=st.none() | st.sampled_from([0.0, 0.2, 5.0]),
    )
    def end_with_an_answer(self, data: st.DataObject, wait_s: float | None, service_s: float | None) -> None:
        was_full = self.limit.in_flight >= self.limit.limit
        before, after, fresh = self._end(data, answered=True, wait_s=wait_s, service_s=service_s)
        assert after <= before + 1
        assert after == before or fresh, "what met an earlier limit says nothing of this one"
        assert after <= before or was_full, "a limit that is not used is not raised"

    @invariant()
    def bounds_hold(self) -> None:
        if hasattr(self, "limit"):
            assert 1 <= self.limit.limit <= self.most
            assert self.limit.in_flight == len(self.open)

    def teardown(self) -> None:
        for ticket in getattr(self, "open", []):
            self.limit.end(ticket)
        assert not hasattr(self, "limit") or self.limit.in_flight == 0
