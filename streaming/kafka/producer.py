"""The producer on librdkafka. It has one thread of its own; coroutines wait for it without blocking the event loop."""

import asyncio
import logging
import threading
from collections import deque
from collections.abc import Mapping

import confluent_kafka as ck

from streaming import metrics
from streaming.errors import AnswerloopError, ClientFailed, DeliveryFailed, RecordTooLarge
from streaming.kafka.client import NO_LOGIN, Delivered
from streaming.kafka.errors import PURGED, TOO_LARGE, is_lasting
from streaming.kafka.places import place_of
from streaming.kafka.reports import Reports
from streaming.topics import MAX_MESSAGE_BYTES

log = logging.getLogger(__name__)

QUEUE_MOST = 100_000
CALL_DEADLINE_S = 10.0


class KafkaProducer:
    """Idempotent, acks=all. Deliveries are reported to the loop in groups, not one wake-up each."""

    def __init__(self, bootstrap: str, message_timeout_s: float = 30.0, login: Mapping[str, str] = NO_LOGIN) -> None:
        self._loop = asyncio.get_running_loop()
        self._room = asyncio.Semaphore(QUEUE_MOST)
        self._message_timeout_s = message_timeout_s
        self._reported = Reports()
        self._given_up: AnswerloopError | None = None
        self._producer = ck.Producer(
            {
                "bootstrap.servers": bootstrap,
                **login,
                "acks": "all",
                "enable.idempotence": True,
                "linger.ms": 2,
                "compression.type": "lz4",
                "message.max.bytes": MAX_MESSAGE_BYTES,
                "message.timeout.ms": int(message_timeout_s * 1000),
                "queue.buffering.max.messages": QUEUE_MOST + 1000,
                "queue.buffering.max.kbytes": 1_048_576,
                "reconnect.backoff.max.ms": 2000,
                "error_cb": self._reported,
                "log_level": 2,  # its own log repeats on stderr what `error_cb` is told
            }
        )
        self._reports: deque[tuple[asyncio.Future[Delivered], ck.KafkaError | None, ck.Message]] = deque()
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._poll, name="kafka-producer", daemon=True)
        self._thread.start()

    async def send(self, topic: str, key: str, value: bytes) -> Delivered:
        """Return once the broker has acknowledged the record.

        Raises DeliveryFailed, RecordTooLarge, ClientFailed, ConfigurationError for a login that Kafka refuses.
        """
        async with self._room:
            future: asyncio.Future[Delivered] = self._loop.create_future()

            def delivered(error: ck.KafkaError | None, message: ck.Message) -> None:
                self._reports.append((future, error, message))

            try:
                self._producer.produce(topic, value, key, on_delivery=delivered)
            except ck.KafkaException as err:
                raise _send_error(err.args[0], topic, key, len(value)) from err
            except BufferError as err:
                raise DeliveryFailed(f"{topic}: the producer's queue is full of records that Kafka does not take") from err
            result = await future
            metrics.PRODUCED.labels(topic).inc()
            return result

    async def close(self) -> None:
        """Deliver what is under way, within the message timeout, then end."""
        left = await asyncio.to_thread(self._producer.flush, self._message_timeout_s)
        self._closing.set()
        await asyncio.to_thread(self._thread.join, CALL_DEADLINE_S)
        self._settle()
        if left:
            log.warning("%d records were not delivered before the producer closed", left)

    def _poll(self) -> None:
        while not self._closing.is_set():
            try:
                self._producer.poll(0.1)
            except ck.KafkaException as err:
                # A fatal state. This thread goes on: librdkafka gives up what it holds, and whoever waits for that is told.
                self._given_up = ClientFailed(f"Kafka: this producer is of no more use: {err.args[0].str()}")
                log.error("%s", self._given_up)
            if self._reported.refused:
                self._given_up = self._reported.refusal()
                self._producer.purge(in_flight=False)
            if self._reports:
                self._loop.call_soon_threadsafe(self._settle)

    def _settle(self) -> None:
        while self._reports:
            future, error, message = self._reports.popleft()
            if future.done():
                continue
            if error is None:
                future.set_result(Delivered(*place_of(message)))
            elif error.code() in PURGED and self._given_up is not None:
                future.set_exception(self._given_up)
            else:
                future.set_exception(_send_error(error, str(message.topic()), (message.key() or b"").decode(), len(message.value() or b"")))


def _send_error(error: ck.KafkaError, topic: str, key: str, size: int) -> Exception:
    if error.code() in TOO_LARGE:
        return RecordTooLarge(f"{topic}: the record of {key} has {size} bytes, {MAX_MESSAGE_BYTES} are allowed")
    if is_lasting(error):
        return ClientFailed(f"{topic}: the record of {key} was not delivered, nor will be by this process: {error.str()}")
    return DeliveryFailed(f"{topic}: the record of {key} was not delivered: {error.str()}")
