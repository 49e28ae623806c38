from streaming.kafka.backlog import LITTLE, LITTLE_BYTES, PLENTY, PLENTY_BYTES, TOTAL_LITTLE_BYTES, TOTAL_PLENTY_BYTES, held_back
from streaming.kafka.client import Record, TopicPartition


def records(partition: int, count: int, size: int = 0) -> list[Record]:
    value = bytes(size)
    return [Record("topic", partition, offset, b"", value, 0) for offset in range(count)]


def places(*partitions: int) -> set[TopicPartition]:
    return {TopicPartition("topic", partition) for partition in partitions}


def test_a_partition_with_plenty_of_records_is_held_back_and_its_neighbour_is_not() -> None:
    assert held_back(records(0, PLENTY) + records(1, PLENTY - 1), ()) == places(0)


def test_a_partition_stays_held_back_until_little_is_left() -> None:
    assert held_back(records(0, LITTLE), places(0)) == places(0)
    assert held_back(records(0, LITTLE - 1), places(0)) == set()
    assert held_back(records(0, 1, LITTLE_BYTES), places(0)) == places(0)


def test_few_large_records_hold_a_partition_back() -> None:
    assert held_back(records(0, 4, PLENTY_BYTES // 4), ()) == places(0)


def test_partitions_that_are_each_below_their_bound_are_held_back_together_at_the_loops() -> None:
    share = TOTAL_PLENTY_BYTES // 15 + 1
    many = [record for partition in range(15) for record in records(partition, 1, share)]
    assert share < PLENTY_BYTES
    assert held_back(many, ()) == places(*range(15))
    assert held_back(many[:14], ()) == set()


def test_the_loops_bound_lets_go_at_half_so_that_it_does_not_flutter() -> None:
    share = TOTAL_LITTLE_BYTES // 15
    many = [record for partition in range(15) for record in records(partition, 1, share + 1)]
    assert held_back(many, places(*range(15))) == places(*range(15))
    assert held_back(many[:14], places(*range(15))) == set()


def test_a_partition_of_which_nothing_waits_is_never_held_back() -> None:
    assert TopicPartition("topic", 1) not in held_back(records(0, 3, TOTAL_PLENTY_BYTES // 3 + 1), places(1))
