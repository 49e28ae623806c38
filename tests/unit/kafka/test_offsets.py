import base64

from hypothesis import given
from hypothesis import strategies as st

from streaming.kafka.offsets import WINDOW, OffsetWindow


def test_the_position_stays_before_the_first_record_that_is_not_done() -> None:
    window = OffsetWindow(10)
    for offset in (10, 11, 12):
        assert window.take(offset)
    window.done(11)
    window.done(12)
    assert window.position == 10
    window.done(10)
    assert window.position == 13


def test_a_restart_does_not_repeat_what_was_done_above_the_position() -> None:
    before = OffsetWindow(0)
    for offset in range(6):
        before.take(offset)
    for offset in (1, 2, 5):
        before.done(offset)
    after = OffsetWindow(before.position, before.metadata())
    assert [offset for offset in range(8) if after.take(offset)] == [0, 3, 4, 6, 7]


def test_holes_in_the_log_do_not_hold_the_position() -> None:
    window = OffsetWindow(5)
    window.take(100)
    assert window.position == 100
    window.take(200)
    window.done(100)
    assert window.position == 200


def test_a_group_that_never_committed_starts_at_the_first_record_it_gets() -> None:
    window = OffsetWindow(None)
    assert window.position is None
    window.take(7)
    assert window.position == 7


def test_the_same_record_is_not_taken_twice() -> None:
    window = OffsetWindow(0)
    assert window.take(0)
    assert not window.take(0)


def test_the_window_is_full_ten_thousand_offsets_past_the_position() -> None:
    window = OffsetWindow(3)
    assert not window.full(3 + WINDOW - 1)
    assert window.full(3 + WINDOW)


def test_a_full_window_of_metadata_stays_below_the_brokers_four_kilobytes() -> None:
    window = OffsetWindow(0)
    for offset in range(WINDOW):
        window.take(offset)
    for offset in range(1, WINDOW):
        window.done(offset)
    assert window.position == 0
    assert len(window.metadata()) < 1800


@given(st.integers(0, 1000), st.lists(st.integers(0, 60), unique=True, min_size=1), st.data())
def test_restarts_at_any_moment_do_every_record_and_repeat_only_what_was_open(start: int, holes: list[int], data: st.DataObject) -> None:
    offsets = [start + index for index in range(60) if index not in holes]
    window, finished = OffsetWindow(start), set()
    taken: list[int] = []
    for offset in offsets:
        if window.take(offset):
            taken.append(offset)
        while taken and data.draw(st.booleans()):
            chosen = taken.pop(data.draw(st.integers(0, len(taken) - 1)))
            window.done(chosen)
            finished.add(chosen)
    restarted = OffsetWindow(window.position, window.metadata())
    again = {offset for offset in offsets if offset >= (restarted.position or 0) and restarted.take(offset)}
    assert again == set(offsets) - finished


def test_metadata_is_base64() -> None:
    window = OffsetWindow(0)
    window.take(0)
    window.take(1)
    window.done(1)
    assert base64.b64decode(window.metadata()) == b"\x02"
