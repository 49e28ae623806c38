import heapq
from random import Random

import pytest

from streaming.llm.limit import InFlightLimit


def drive(limit, slots, service_s, calls, spread=0.0, seed=1):
    """A server with slots and a queue, fed as the limit allows; gives the limits and the second half's throughput."""
    rng = Random(seed)
    free = [0.0] * slots
    ending: list[tuple[float, int, float, float]] = []
    now, seen, half_at = 0.0, [], 0.0
    for number in range(calls):
        while limit.in_flight >= limit.limit:
            now, ticket, wait, service = heapq.heappop(ending)
            limit.end(ticket, answered=True, wait_s=wait, service_s=service)
        if number == calls // 2:
            half_at = now
        service = service_s * rng.lognormvariate(0, spread)
        begins = max(heapq.heappop(free), now)
        heapq.heappush(free, begins + service)
        heapq.heappush(ending, (begins + service, limit.begin(), begins - now, service))
        seen.append(limit.limit)
    return seen, (calls - calls // 2) / (now - half_at)


@pytest.mark.parametrize("spread", [0.0, 0.35, 1.0])
def test_a_healthy_server_with_16_slots_is_kept_busy(spread):
    seen, per_second = drive(InFlightLimit(8, 32), slots=16, service_s=0.2, calls=4000, spread=spread)
    alone = 80 / (2.718281828 ** (spread**2 / 2))
    assert per_second > 0.9 * alone
    assert max(seen) <= 32


def test_a_server_with_one_slot_gets_a_queue_of_few():
    seen, per_second = drive(InFlightLimit(8, 32), slots=1, service_s=0.5, calls=600, spread=0.3)
    assert max(seen[-300:]) <= 4
    assert per_second > 0.85 * 2 / (2.718281828 ** (0.3**2 / 2))


def test_it_reaches_16_slots_within_a_few_rounds_and_does_not_run_away():
    seen, _ = drive(InFlightLimit(8, 256), slots=16, service_s=5.0, calls=2000)
    assert seen[40] >= 16
    assert max(seen) <= 40


def test_after_congestion_it_grows_by_one_a_round():
    limit = InFlightLimit(8, 32)
    limit.end(limit.begin(), overloaded=True)
    assert limit.limit == 5
    crowd = [limit.begin() for _ in range(5)]
    for ticket in crowd:
        limit.end(ticket, answered=True, wait_s=0.0, service_s=0.2)
        limit.begin()
    assert limit.limit == 6


def test_it_never_passes_the_maximum_nor_falls_below_one():
    limit = InFlightLimit(8, 32)
    for _ in range(100):
        limit.end(limit.begin(), overloaded=True)
    assert limit.limit == 1
    assert InFlightLimit(8, 4).limit == 4


def test_overloads_of_the_same_crowd_lower_it_once():
    limit = InFlightLimit(10, 32)
    crowd = [limit.begin() for _ in range(10)]
    for ticket in crowd:
        limit.end(ticket, overloaded=True)
    assert limit.limit == 7


def test_it_does_not_grow_while_it_is_not_used():
    limit = InFlightLimit(8, 32)
    for _ in range(500):
        limit.end(limit.begin(), answered=True, wait_s=0.0, service_s=0.2)
    assert limit.limit == 8


def test_short_waits_of_fast_calls_are_not_congestion():
    limit = InFlightLimit(8, 32)
    for _ in range(50):
        crowd = [limit.begin() for _ in range(limit.limit)]
        for ticket in crowd:
            limit.end(ticket, answered=True, wait_s=0.005, service_s=0.001)
    assert limit.limit > 8


def test_ends_that_say_nothing_of_the_load_never_raise_the_limit() -> None:
    limit = InFlightLimit(8, 32)
    for _ in range(40):
        tickets = [limit.begin() for _ in range(limit.limit)]
        for ticket in tickets:
            limit.end(ticket)
    assert limit.limit == 8
    assert limit.in_flight == 0


def test_answers_without_an_account_of_their_time_do_raise_it() -> None:
    limit = InFlightLimit(8, 32)
    for _ in range(100):
        tickets = [limit.begin() for _ in range(limit.limit)]
        for ticket in tickets:
            limit.end(ticket, answered=True)
    assert limit.limit == 32
