"""How much of a partition a group still has to do."""

from collections.abc import Collection, Mapping

import pytest

from streaming.kafka.client import Committed, TopicPartition
from streaming.kafka.offsets import OffsetWindow
from streaming.kafka.positions import Log, standings, undone


def behind_one(first: int, last: int) -> Committed:
    """The commit of a group that has done all of these offsets but the first."""
    window = OffsetWindow(first)
    for offset in range(first, last):
        window.take(offset)
    for offset in range(first + 1, last):
        window.done(offset)
    return Committed(window.position, window.metadata())


@pytest.mark.parametrize(
    ("offset", "left"),
    [(None, 60), (40, 60), (99, 1), (100, 0)],
    ids=["never", "at the start", "one before the end", "at the end"],
)
def test_what_lies_between_the_position_and_the_end_is_to_do(offset: int | None, left: int) -> None:
    assert undone(Committed(offset, ""), Log(40, 100), below=100) == left


def test_what_retention_has_taken_is_not_to_do() -> None:
    assert undone(Committed(10, ""), Log(40, 100), below=100) == 60
    assert undone(behind_one(10, 50), Log(40, 100), below=100) == 50


def test_what_is_done_behind_a_record_that_takes_long_is_not_to_do() -> None:
    assert undone(behind_one(40, 100), Log(0, 100), below=100) == 1


def test_only_what_lies_below_the_given_offset_counts_done_or_not() -> None:
    assert undone(behind_one(40, 100), Log(0, 100), below=60) == 1
    assert undone(Committed(50, ""), Log(0, 100), below=60) == 10
    assert undone(Committed(70, ""), Log(0, 100), below=60) == 0


def test_of_a_log_that_was_made_anew_everything_is_to_do_though_the_position_is_beyond_its_end() -> None:
    assert undone(behind_one(5000, 5100), Log(3, 10), below=10) == 7
    assert undone(Committed(5000, ""), Log(10, 10), below=10) == 0


def test_no_more_is_to_do_than_the_log_holds() -> None:
    assert undone(Committed(2, ""), Log(0, 10), below=5000) == 8


class Growing:
    """A cluster whose topic gets another partition, and another record, after the positions were read."""

    def __init__(self) -> None:
        self.logs_of = {TopicPartition("t", 0): Log(0, 4)}

    def topics(self) -> Mapping[str, int]:
        return {"t": len(self.logs_of)}

    def partitions(self, topics: Collection[str]) -> Collection[TopicPartition]:
        return list(self.logs_of)

    def positions(self, group: str, partitions: Collection[TopicPartition]) -> Mapping[TopicPartition, Committed]:
        found = {each: Committed(4, "") for each in partitions}
        self.logs_of = {TopicPartition("t", 0): Log(0, 5), TopicPartition("t", 1): Log(0, 2)}
        return found

    def logs(self, topics: Collection[str]) -> Mapping[TopicPartition, Log]:
        return self.logs_of


def test_what_comes_while_a_group_is_looked_at_counts_as_not_done() -> None:
    found = {each.partition: each.lag for each in standings(Growing(), {"group": ["t"]})}
    assert found == {TopicPartition("t", 0): 1, TopicPartition("t", 1): 2}
