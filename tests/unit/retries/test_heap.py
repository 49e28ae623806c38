from hypothesis import given
from hypothesis import strategies as st

from streaming.retries.heap import DueHeap

START = 1000.0
SECONDS = st.integers(0, 50)


def at(seconds):
    return START + seconds


@given(st.lists(SECONDS), st.lists(SECONDS).map(sorted))
def test_everything_comes_out_once_in_order_and_never_early(dues, looks):
    heap = DueHeap()
    for number, due in enumerate(dues):
        heap.push(at(due), number)
    out = []
    for look in [*looks, 100]:
        for due, number in heap.pop_due(at(look), most=10**6):
            assert due == at(dues[number]) <= at(look)
            out.append(number)
        assert heap.next_due is None or heap.next_due > at(look)
    assert sorted(out) == list(range(len(dues)))
    assert out == sorted(out, key=lambda number: (dues[number], number))


@given(st.lists(SECONDS), st.integers(0, 10))
def test_no_more_come_out_than_asked_for(dues, most):
    heap = DueHeap()
    for due in dues:
        heap.push(at(due), due)
    assert len(heap.pop_due(at(100), most)) == min(most, len(dues))
    assert len(heap) == max(len(dues) - most, 0)


@given(st.lists(SECONDS))
def test_what_is_discarded_never_comes_out(dues):
    heap = DueHeap()
    for due in dues:
        heap.push(at(due), due)
    assert sorted(heap.discard(lambda due: due % 2 == 0)) == sorted(due for due in dues if due % 2 == 0)
    assert [due for _, due in heap.pop_due(at(100), 10**6)] == sorted(due for due in dues if due % 2)
