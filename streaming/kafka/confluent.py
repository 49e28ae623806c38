"""The consumer on librdkafka. It has one thread of its own; coroutines wait for it without blocking the event loop."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import confluent_kafka as ck

from streaming.errors import ClientFailed
from streaming.kafka.client import NO_LOGIN, Assigned, Committed, Lost, Record, Revoked, TopicPartition
from streaming.kafka.errors import COMMIT_LATER, NO_SUCH_TOPIC, is_lasting
from streaming.kafka.places import committed_at, partition_of, place_of
from streaming.kafka.reports import Reports
from streaming.topics import MAX_MESSAGE_BYTES

log = logging.getLogger(__name__)

T = TypeVar("T")

# After so long without a heartbeat the broker gives a member's partitions to others.
SESSION_TIMEOUT_S = 10.0
# A rebalance callback waits for the step to finish what is under way (5 s), within the broker's patience.
REBALANCE_DEADLINE_S = 8.0
# While something is wrong, the cluster is asked this often whether it still is.
CHECK_EVERY_S = 1.0
CHECK_DEADLINE_S = 1.0
# Asked within a rebalance, and again until they are known: no partition begins without its position.
POSITIONS_DEADLINE_S = 5.0

Rebalance = Callable[[ck.Consumer, list[ck.TopicPartition]], None]


class KafkaConsumer:
    """A member of a consumer group; cooperative rebalancing, no automatic commit."""

    def __init__(self, bootstrap: str, group: str, login: Mapping[str, str] = NO_LOGIN) -> None:
        self._loop = asyncio.get_running_loop()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="kafka-consumer")
        self.group = group
        self._bootstrap = bootstrap
        self._topics: frozenset[str] = frozenset()
        self._missing: set[str] = set()
        self._unreachable: str | None = None
        self._checked_at = 0.0
        self._unread: dict[TopicPartition, str] = {}
        self._tried_at = 0.0
        self._assigned: Assigned
        self._callback_error: Exception | None = None
        self._reported = Reports()
        self._consumer = ck.Consumer(
            {
                "bootstrap.servers": bootstrap,
                **login,
                "group.id": group,
                "auto.offset.reset": "earliest",
                "enable.auto.commit": False,
                "enable.auto.offset.store": False,
                "partition.assignment.strategy": "cooperative-sticky",
                "session.timeout.ms": int(SESSION_TIMEOUT_S * 1000),
                "heartbeat.interval.ms": 2_000,
                "max.poll.interval.ms": 60_000,
                "fetch.wait.max.ms": 100,
                "fetch.error.backoff.ms": 100,
                "queued.max.messages.kbytes": 32_768,
                "fetch.message.max.bytes": MAX_MESSAGE_BYTES,
                "fetch.max.bytes": 2 * MAX_MESSAGE_BYTES,
                "topic.metadata.refresh.interval.ms": 10_000,
                "reconnect.backoff.max.ms": 2000,
                "error_cb": self._on_error,
                "log_level": 2,  # its own log repeats on stderr what `error_cb` is told
            }
        )

    @property
    def problem(self) -> str | None:
        """What keeps this member from reading, None if nothing is known of."""
        if self._unreachable is not None:
            return f"Kafka at {self._bootstrap} cannot be reached ({self._unreachable}): is the stack up?"
        if self._missing:
            return f"topics that do not exist: {', '.join(sorted(self._missing))}; run `python -m streaming provision`"
        if self._unread:
            partition, why = next(iter(self._unread.items()))
            return f"the committed positions of {len(self._unread)} partitions cannot be read, such as {partition} ({why}); asked again"
        return None

    async def subscribe(self, topics: Collection[str], assigned: Assigned, revoked: Revoked, lost: Lost) -> None:
        """Join the group; the callbacks run on the event loop while a `fetch` waits."""

        def on_assign(consumer: ck.Consumer, partitions: list[ck.TopicPartition]) -> None:
            self._unread |= {partition_of(place): "not asked yet" for place in partitions}
            if not partitions:
                self._check_cluster()  # a topic that is missing, or a group with more members than partitions
            # Once in each rebalance, also with none: librdkafka would begin all of them by itself.
            self._begin(self._readable())

        def on_revoke(consumer: ck.Consumer, partitions: list[ck.TopicPartition]) -> None:
            begun = self._begun(partitions)
            positions = self._on_loop(revoked([partition_of(place) for place in begun]))
            if positions:
                self._commit(positions)
            consumer.incremental_unassign(begun)

        def on_lost(consumer: ck.Consumer, partitions: list[ck.TopicPartition]) -> None:
            begun = self._begun(partitions)
            self._on_loop(lost([partition_of(place) for place in begun]))
            consumer.incremental_unassign(begun)

        self._topics, self._assigned = frozenset(topics), assigned
        kept = [self._keeping_its_error(callback) for callback in (on_assign, on_revoke, on_lost)]
        await self._call(lambda: self._consumer.subscribe(list(topics), on_assign=kept[0], on_revoke=kept[1], on_lost=kept[2]))

    async def fetch(self, most: int, timeout_s: float) -> list[Record]:
        """Wait for the first record, then take what is there already.

        Raises ClientFailed, ConfigurationError for a login that Kafka refuses.
        """
        if self._unread and time.monotonic() - self._tried_at >= CHECK_EVERY_S:
            await self._call(self._begin_what_has_become_readable)
        messages = await self._call(lambda: self._poll(most, timeout_s))
        if self._reported.refused:
            raise self._reported.refusal()
        records = []
        for message in messages:
            error = message.error()
            if error is None:
                records.append(_record(message))
            elif error.code() in NO_SUCH_TOPIC:
                self._missing.add(str(message.topic()))
            elif is_lasting(error):
                raise ClientFailed(f"Kafka, {message.topic() or 'consumer'}: {error.str()}")
            else:
                log.warning("Kafka, %s: %s", message.topic() or "consumer", error.str())
        if records:
            self._unreachable = None
        elif self.problem is not None:
            await self._call(self._check_cluster)
        return records

    async def commit(self, positions: Mapping[TopicPartition, Committed]) -> bool:
        """Whether the broker took the commit."""
        return await self._call(lambda: self._commit(positions))

    async def pause(self, partitions: Collection[TopicPartition]) -> None:
        """Stop fetching from these."""
        await self._call(lambda: self._consumer.pause([ck.TopicPartition(*partition) for partition in partitions]))

    async def resume(self, partitions: Collection[TopicPartition]) -> None:
        """Fetch from these again."""
        await self._call(lambda: self._consumer.resume([ck.TopicPartition(*partition) for partition in partitions]))

    async def close(self) -> None:
        """Leave the group and end the thread."""
        await self._call(self._leave)
        self._thread.shutdown(wait=False)

    def _poll(self, most: int, timeout_s: float) -> list[ck.Message]:
        first = self._consumer.poll(timeout_s)
        messages = [] if first is None else [first]
        if messages and most > 1:
            messages += self._consumer.consume(most - 1, timeout=0)
        self._raise_what_was_kept()
        return messages

    def _leave(self) -> None:
        self._consumer.close()
        self._raise_what_was_kept()

    def _keeping_its_error(self, callback: Rebalance) -> Rebalance:
        """What a callback raises must not reach librdkafka's binding: it raises some of it again as a type that is no exception, which
        passes every handler and ends the thread, and whoever waits for the thread's work waits for ever."""

        def kept(consumer: ck.Consumer, partitions: list[ck.TopicPartition]) -> None:
            try:
                callback(consumer, partitions)
            except Exception as err:
                self._callback_error = err

        return kept

    def _raise_what_was_kept(self) -> None:
        if (error := self._callback_error) is not None:
            self._callback_error = None
            raise error

    def _on_error(self, error: ck.KafkaError) -> None:
        self._reported(error)
        if error.code() == ck.KafkaError._ALL_BROKERS_DOWN:
            self._unreachable = error.str()

    def _check_cluster(self) -> None:
        """Ask whether what was wrong still is: librdkafka tells of a missing topic once, and of brokers that are back never."""
        if time.monotonic() - self._checked_at < CHECK_EVERY_S:
            return
        try:
            found = self._consumer.list_topics(timeout=CHECK_DEADLINE_S).topics
        except ck.KafkaException as err:
            self._unreachable = err.args[0].str()
        else:
            self._unreachable = None
            self._missing = {topic for topic in self._topics if topic not in found or found[topic].error is not None}
        self._checked_at = time.monotonic()

    def _readable(self) -> list[ck.TopicPartition]:
        """Of the partitions that wait, those whose positions can be read. The others go on waiting: taken for "never committed", all of
        theirs would be repeated.

        Raises ClientFailed where waiting does not help.
        """
        known: list[ck.TopicPartition] = []
        asked = [ck.TopicPartition(*partition) for partition in self._unread]
        try:
            for place in self._consumer.committed(asked, timeout=POSITIONS_DEADLINE_S) if asked else ():
                try:
                    known.append(self._position_within_log(place))
                except ck.KafkaException as err:
                    if err.args[0].code() not in NO_SUCH_TOPIC:
                        raise
                    self._missing.add(place.topic)
                    self._unread[partition_of(place)] = err.args[0].str()
        except ck.KafkaException as err:
            if is_lasting(err.args[0]):
                raise ClientFailed(f"Kafka does not tell this group's positions: {err.args[0].str()}") from err
            log.warning("positions cannot be read, and are asked again: %s", err.args[0].str())
            for place in asked:
                self._unread[partition_of(place)] = err.args[0].str()
        self._tried_at = time.monotonic()
        return known

    def _begin_what_has_become_readable(self) -> None:
        if known := self._readable():
            self._begin(known)

    def _begin(self, known: list[ck.TopicPartition]) -> None:
        if known:
            self._unreachable = None
            self._missing -= {place.topic for place in known}
        self._consumer.incremental_assign([_from_start(place) for place in known])
        for place in known:
            del self._unread[partition_of(place)]
        self._on_loop(self._assigned({partition_of(place): committed_at(place) for place in known}))

    def _begun(self, partitions: list[ck.TopicPartition]) -> list[ck.TopicPartition]:
        """Those of the partitions that go away which had begun; the others are no longer asked for."""
        waiting = {partition for place in partitions if (partition := partition_of(place)) in self._unread}
        for partition in waiting:
            del self._unread[partition]
        return [place for place in partitions if partition_of(place) not in waiting]

    def _position_within_log(self, place: ck.TopicPartition) -> ck.TopicPartition:
        """A position beyond the end of the log belongs to one that was truncated, or to a topic that was deleted: begin anew."""
        if place.error is not None:
            raise ck.KafkaException(place.error)
        if place.offset < 0:
            return place
        _, end = self._consumer.get_watermark_offsets(place, timeout=POSITIONS_DEADLINE_S, cached=False)
        if place.offset <= end:
            return place
        what = "the log was truncated or made anew, and is read from its start"
        log.error("%s[%d]@%d was committed, but the log ends at %d: %s", place.topic, place.partition, place.offset, end, what)
        return ck.TopicPartition(place.topic, place.partition, ck.OFFSET_INVALID)

    def _commit(self, positions: Mapping[TopicPartition, Committed]) -> bool:
        places = [
            ck.TopicPartition(partition.topic, partition.partition, place.offset, metadata=place.metadata)
            for partition, place in positions.items()
            if place.offset is not None
        ]
        try:
            results = self._consumer.commit(offsets=places, asynchronous=False)
        except ck.KafkaException as err:
            self._refused_for_now(err.args[0], "all")
            return False
        refused = [(place, place.error) for place in results or [] if place.error is not None]
        for place, error in refused:
            self._refused_for_now(error, str(partition_of(place)))
        if not refused:
            self._unreachable = None
        return not refused

    def _refused_for_now(self, error: ck.KafkaError, what: str) -> None:
        """Say so. Raises ClientFailed, KafkaException for a refusal that will not pass."""
        if error.code() in NO_SUCH_TOPIC:
            self._check_cluster()  # deleted under this member: shown until it is there again
        elif error.code() not in COMMIT_LATER:
            raise _commit_error(error)
        log.info("commit of %s refused for now: %s", what, error.str())

    def _on_loop(self, work: Awaitable[T]) -> T:
        """Run a callback's work on the event loop while this thread, which holds the rebalance, waits."""

        async def run() -> T:
            return await work

        return asyncio.run_coroutine_threadsafe(run(), self._loop).result(REBALANCE_DEADLINE_S)

    async def _call(self, work: Callable[[], T]) -> T:
        return await self._loop.run_in_executor(self._thread, work)


def _commit_error(error: ck.KafkaError) -> Exception:
    return ClientFailed(f"Kafka refuses this group's commits: {error.str()}") if is_lasting(error) else ck.KafkaException(error)


def _from_start(place: ck.TopicPartition) -> ck.TopicPartition:
    offset = place.offset if place.offset >= 0 else ck.OFFSET_BEGINNING
    return ck.TopicPartition(place.topic, place.partition, offset)


def _record(message: ck.Message) -> Record:
    return Record(*place_of(message), message.key(), message.value(), message.timestamp()[1])
