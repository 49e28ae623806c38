"""What librdkafka's error codes mean here: the one table that consumer, producer and administrator read."""

import confluent_kafka as ck

AWAY = {
    ck.KafkaError._ALL_BROKERS_DOWN,
    ck.KafkaError._TIMED_OUT,
    ck.KafkaError._TRANSPORT,
    ck.KafkaError._WAIT_COORD,
    ck.KafkaError.COORDINATOR_LOAD_IN_PROGRESS,
    ck.KafkaError.COORDINATOR_NOT_AVAILABLE,
    ck.KafkaError.NOT_COORDINATOR,
    ck.KafkaError.REQUEST_TIMED_OUT,
}
"""The cluster or the group's coordinator is away or moving: the same request may succeed later."""

COMMIT_LATER = AWAY | {
    ck.KafkaError._NO_OFFSET,
    ck.KafkaError._STATE,
    ck.KafkaError._IN_PROGRESS,
    ck.KafkaError.ILLEGAL_GENERATION,
    ck.KafkaError.REBALANCE_IN_PROGRESS,
    ck.KafkaError.UNKNOWN_MEMBER_ID,
}
"""A commit that was refused for now; the next one says the same or more."""

TOO_LARGE = {ck.KafkaError.MSG_SIZE_TOO_LARGE, ck.KafkaError.RECORD_LIST_TOO_LARGE}

NO_SUCH_TOPIC = {
    ck.KafkaError.UNKNOWN_TOPIC_OR_PART,
    ck.KafkaError.UNKNOWN_TOPIC_ID,
    ck.KafkaError.INCONSISTENT_TOPIC_ID,
    ck.KafkaError._UNKNOWN_TOPIC,
    ck.KafkaError._UNKNOWN_PARTITION,
}
"""The topic or partition is not there, or no longer the one that was: shown until it is, or until the group leaves it out."""

NOT_ALLOWED = {
    ck.KafkaError.TOPIC_AUTHORIZATION_FAILED,
    ck.KafkaError.GROUP_AUTHORIZATION_FAILED,
    ck.KafkaError.CLUSTER_AUTHORIZATION_FAILED,
    ck.KafkaError.TRANSACTIONAL_ID_AUTHORIZATION_FAILED,
}
"""Kafka knows who asks, and that they may not."""

LASTING = NOT_ALLOWED | {
    ck.KafkaError._FATAL,
    ck.KafkaError._FENCED,
    ck.KafkaError._AUTHENTICATION,
    ck.KafkaError._SSL,
    ck.KafkaError.SASL_AUTHENTICATION_FAILED,
    ck.KafkaError.UNSUPPORTED_SASL_MECHANISM,
    ck.KafkaError.UNSUPPORTED_VERSION,
}
"""Trying again with the same client changes nothing."""


REFUSED = {ck.KafkaError._AUTHENTICATION, ck.KafkaError.SASL_AUTHENTICATION_FAILED, ck.KafkaError.UNSUPPORTED_SASL_MECHANISM}
"""The broker does not let this client log in."""

PURGED = {ck.KafkaError._PURGE_QUEUE, ck.KafkaError._PURGE_INFLIGHT}
"""The record was given up here, before the broker had it."""


def is_lasting(error: ck.KafkaError) -> bool:
    """Whether only a new process, or a person, can put this right."""
    return bool(error.fatal()) or error.code() in LASTING
