"""Watches the committed offsets of every group while a run lasts."""

import time
from threading import Event, Thread
from types import TracebackType

from streaming.errors import AnswerloopError, Unreachable
from streaming.kafka.positions import KafkaPositions
from streaming.topics import CONSUMED_BY
from tests.chaos.evidence import Commit

EVERY_S = 0.5


class Watch:
    """A thread that reads all positions twice a second; while Kafka is away it sees nothing."""

    def __init__(self, bootstrap: str) -> None:
        self.commits: list[Commit] = []
        self.failure: AnswerloopError | None = None
        self._bootstrap = bootstrap
        self._ended = Event()
        self._thread = Thread(target=self._watch, name="positions", daemon=True)

    def __enter__(self) -> "Watch":
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._ended.set()
        self._thread.join(30)

    def _watch(self) -> None:
        kafka = KafkaPositions(self._bootstrap)
        while not self._ended.wait(EVERY_S):
            for group, topics in CONSUMED_BY.items():
                try:
                    found = kafka.positions(group, kafka.partitions(topics))
                except Unreachable:
                    continue
                except AnswerloopError as err:
                    self.failure = err
                    return
                at = time.time()
                self.commits += [
                    Commit(at, group, place.topic, place.partition, position.offset)
                    for place, position in found.items()
                    if position.offset is not None
                ]
