"""librdkafka's places and positions, as ours."""

import confluent_kafka as ck

from streaming.kafka.client import Committed, TopicPartition


def partition_of(place: ck.TopicPartition) -> TopicPartition:
    """The partition of a place."""
    return TopicPartition(place.topic, place.partition)


def committed_at(place: ck.TopicPartition) -> Committed:
    """The position that a place tells; an offset below 0 means that there is none."""
    return Committed(place.offset if place.offset >= 0 else None, place.metadata or "")


def place_of(message: ck.Message) -> tuple[str, int, int]:
    """Topic, partition and offset of a record. Raises TypeError for one that has none."""
    topic, partition, offset = message.topic(), message.partition(), message.offset()
    if topic is None or partition is None or offset is None:
        raise TypeError(f"librdkafka handed out a record without a place: {topic}[{partition}]@{offset}")
    return topic, partition, offset
