from uuid import uuid4

from streaming.storage.waiting import Waiters


def test_news_reaches_everybody_who_waits_for_that_question_and_nobody_else() -> None:
    waiters, wanted = Waiters(), uuid4()
    with waiters.subscribed(wanted) as one, waiters.subscribed(wanted) as two, waiters.subscribed(uuid4()) as other:
        waiters.wake(wanted)
        assert one.is_set()
        assert two.is_set()
        assert not other.is_set()


def test_after_a_reconnect_everybody_reads_again() -> None:
    waiters = Waiters()
    with waiters.subscribed(uuid4()) as one, waiters.subscribed(uuid4()) as other:
        waiters.wake_all()
        assert one.is_set()
        assert other.is_set()
        assert not waiters.closing


def test_at_the_end_everybody_is_sent_home() -> None:
    waiters = Waiters()
    with waiters.subscribed(uuid4()) as one:
        waiters.close()
        assert one.is_set()
        assert waiters.closing


def test_nothing_is_kept_of_those_who_left() -> None:
    waiters, wanted = Waiters(), uuid4()
    with waiters.subscribed(wanted):
        pass
    waiters.wake(wanted)
    assert not waiters._events
