"""The offset window under every order of taking, finishing, committing and crashing: what is committed is done, nothing is forgotten."""

from collections.abc import Iterator

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule, run_state_machine_as_test

from streaming.kafka import offsets
from streaming.kafka.offsets import OffsetWindow

WINDOW = 40
TAKE = OffsetWindow.take


class Consuming(RuleBasedStateMachine):
    """One partition, whose log has holes, and its consumer."""

    @initialize(first=st.integers(0, 5), gaps=st.lists(st.integers(1, 4), min_size=1, max_size=80))
    def begin(self, first: int, gaps: list[int]) -> None:
        self.log = [first]
        for gap in gaps:
            self.log.append(self.log[-1] + gap)
        self.done: set[int] = set()
        self.committed: tuple[int | None, str] = (None, "")
        self._start()

    def _start(self) -> None:
        position, metadata = self.committed
        self.window = OffsetWindow(position, metadata, WINDOW)
        self.unread = [offset for offset in self.log if position is None or offset >= position]
        self.open: list[int] = []

    @precondition(lambda self: self.unread and not self.window.full(self.unread[0]))
    @rule()
    def take(self) -> None:
        offset = self.unread.pop(0)
        if self.window.take(offset):
            self.open.append(offset)
        else:
            assert offset in self.done, f"{offset} is passed over and was never done"

    @precondition(lambda self: self.open)
    @rule(data=st.data())
    def finish(self, data: st.DataObject) -> None:
        offset = self.open.pop(data.draw(st.integers(0, len(self.open) - 1)))
        self.window.done(offset)
        self.done.add(offset)

    @rule()
    def commit(self) -> None:
        before, _ = self.committed
        position, metadata = self.window.position, self.window.metadata()
        if position is None:
            return
        assert before is None or position >= before, "a committed offset never goes back"
        assert {offset for offset in self.log if offset < position} <= self.done, "everything below the committed offset is done"
        assert {position + bit for bit in set_bits(metadata)} <= self.done, "what the metadata says is done is done"
        self.committed = (position, metadata)

    @rule()
    def crash(self) -> None:
        self._start()

    def teardown(self) -> None:
        while getattr(self, "unread", None) or getattr(self, "open", None):
            while self.unread and not self.window.full(self.unread[0]):
                self.take()
            for offset in self.open:
                self.window.done(offset)
                self.done.add(offset)
            self.open.clear()
        assert set(getattr(self, "log", ())) <= getattr(self, "done", set()), "in the end everything is done"


def set_bits(metadata: str) -> Iterator[int]:
    return iter(offsets._set_bits(metadata))


def run() -> None:
    run_state_machine_as_test(
        Consuming, settings=settings(max_examples=40, stateful_step_count=60, database=None, report_multiple_bugs=False)
    )


def test_what_is_committed_is_done_and_nothing_is_forgotten() -> None:
    run()


def commits_the_newest(window: OffsetWindow) -> int | None:
    return window._next


@pytest.mark.parametrize(
    ("name", "broken"),
    [
        ("position", property(commits_the_newest)),
        ("take", lambda window, offset: offset % 7 != 0 and TAKE(window, offset)),
        ("metadata", lambda window: offsets.base64.b64encode(b"\xff").decode()),
    ],
    ids=["commits what is open", "passes over what was never done", "says that everything above is done"],
)
def test_a_window_that_is_broken_is_found_out(monkeypatch: pytest.MonkeyPatch, name: str, broken: object) -> None:
    monkeypatch.setattr(OffsetWindow, name, broken)
    with pytest.raises(AssertionError):
        run()
