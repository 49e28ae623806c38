"""What the services need of Kafka, as two small contracts. `confluent.py` keeps them with librdkafka, `memory.py` in memory."""

from collections.abc import Awaitable, Callable, Collection, Mapping
from types import MappingProxyType
from typing import NamedTuple, Protocol

# Of a Kafka that lets everybody in. A login is `Settings.kafka_login`.
NO_LOGIN: Mapping[str, str] = MappingProxyType({})


class TopicPartition(NamedTuple):
    """One partition of one topic."""

    topic: str
    partition: int

    def __str__(self) -> str:
        return f"{self.topic}[{self.partition}]"


class Record(NamedTuple):
    """One record as it lies in Kafka; `timestamp_ms` is the broker's, in milliseconds since 1970."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    timestamp_ms: int

    @property
    def source(self) -> TopicPartition:
        return TopicPartition(self.topic, self.partition)

    def __str__(self) -> str:
        return f"{self.topic}[{self.partition}]@{self.offset}"


class Committed(NamedTuple):
    """A group's position in a partition: the next offset to read (None: never committed) and the commit's metadata."""

    offset: int | None
    metadata: str


class Delivered(NamedTuple):
    """Where a produced record lies."""

    topic: str
    partition: int
    offset: int


class Producer(Protocol):
    """Sends records with acks=all, idempotently."""

    async def send(self, topic: str, key: str, value: bytes) -> Delivered:
        """Return once the broker has acknowledged the record.

        Waits while the local queue is full. Raises DeliveryFailed, RecordTooLarge, and what ends the process: ClientFailed,
        ConfigurationError.
        """

    async def close(self) -> None:
        """Deliver what is under way, within a deadline."""


Assigned = Callable[[Mapping[TopicPartition, Committed]], Awaitable[None]]
Revoked = Callable[[Collection[TopicPartition]], Awaitable[Mapping[TopicPartition, Committed]]]
Lost = Callable[[Collection[TopicPartition]], Awaitable[None]]


class Consumer(Protocol):
    """A member of a consumer group that commits by itself never."""

    @property
    def group(self) -> str:
        """The name of its group, which is that of the service."""

    @property
    def problem(self) -> str | None:
        """What keeps this member from reading, None if nothing is known of."""

    async def subscribe(self, topics: Collection[str], assigned: Assigned, revoked: Revoked, lost: Lost) -> None:
        """Join the group. The callbacks run during `fetch`: `assigned` with the committed positions; `revoked` returns what to
        commit before the partitions go; `lost` when they are gone already."""

    async def fetch(self, most: int, timeout_s: float) -> list[Record]:
        """At most so many records, from partitions that are not paused; an empty list after `timeout_s`. Raises
        ClientFailed, ConfigurationError."""

    async def commit(self, positions: Mapping[TopicPartition, Committed]) -> bool:
        """Whether the broker took the commit; False where the group is rebalancing or the broker away: try again later."""

    async def pause(self, partitions: Collection[TopicPartition]) -> None:
        """Stop fetching from these."""

    async def resume(self, partitions: Collection[TopicPartition]) -> None:
        """Fetch from these again, from the position after the last record handed out."""

    async def close(self) -> None:
        """Leave the group."""
