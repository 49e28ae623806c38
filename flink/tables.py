"""The job's two Kafka tables. Values are raw bytes: parsing happens in Python, where nothing is skipped silently."""

from streaming import topics
from streaming.settings import Settings

# A partition's next leader may have a clock that is behind the last one's.
OUT_OF_ORDER_S = 1
IDLE_AFTER = "5 s"

# The connector carries Kafka's client under a name of its own.
_SECURITY = "org.apache.flink.kafka.shaded.org.apache.kafka.common.security"
_SCRAM = f"{_SECURITY}.scram.ScramLoginModule"
_MODULE = {"SCRAM-SHA-512": _SCRAM, "SCRAM-SHA-256": _SCRAM, "PLAIN": f"{_SECURITY}.plain.PlainLoginModule"}
_QUOTE = "'"

SENT_TO = (topics.VALIDATED, topics.LOW_QUALITY, topics.PENDING, topics.DEAD_LETTERS, topics.FATAL)


def answers(settings: Settings) -> str:
    """DDL of the source: llm-responses-success from the group's committed offsets, the earliest where there are none.

    Its event time is when a record came to lie in the topic, by the broker's clock: every record has one, also one that cannot be read, and
    none lies in the future. Each partition has a watermark, of which the job's is the least; one without records is left out meanwhile.
    """
    options = {
        "connector": "kafka",
        "topic": topics.SUCCESS,
        "properties.bootstrap.servers": settings.kafka_bootstrap,
        **_login(settings),
        "properties.group.id": topics.FLINK_SCORE_JOB,
        "properties.auto.offset.reset": "earliest",
        "properties.commit.offsets.on.checkpoint": "true",
        "scan.startup.mode": "group-offsets",
        "scan.watermark.idle-timeout": IDLE_AFTER,
        "format": "raw",
    }
    columns = (
        "`partition` INT METADATA VIRTUAL, `offset` BIGINT METADATA VIRTUAL, `value` BYTES, "
        "`arrived_at` TIMESTAMP_LTZ(3) METADATA FROM 'timestamp' VIRTUAL, "
        f"WATERMARK FOR `arrived_at` AS `arrived_at` - INTERVAL '{OUT_OF_ORDER_S}' SECOND"
    )
    return f"CREATE TEMPORARY TABLE answers ({columns}) WITH ({_options(options)})"


def results(settings: Settings) -> str:
    """DDL of the sink: each row names its topic, key and value."""
    options = {
        "connector": "kafka",
        "topic": ";".join(SENT_TO),
        "properties.bootstrap.servers": settings.kafka_bootstrap,
        **_login(settings),
        "properties.acks": "all",
        "properties.enable.idempotence": "true",
        "properties.max.request.size": str(topics.MAX_MESSAGE_BYTES + 64 * 1024),
        "properties.buffer.memory": str(4 * topics.MAX_MESSAGE_BYTES),
        "properties.linger.ms": "0",
        "properties.compression.type": "none",
        "sink.delivery-guarantee": "at-least-once",
        "key.format": "raw",
        "key.fields": "key",
        "key.fields-prefix": "",
        "value.format": "raw",
        "value.fields-include": "EXCEPT_KEY",
    }
    columns = "`topic` STRING NOT NULL METADATA, `key` STRING, `value` BYTES"
    return f"CREATE TEMPORARY TABLE results ({columns}) WITH ({_options(options)})"


def _login(settings: Settings) -> dict[str, str]:
    """How Kafka's Java client logs in, as the other clients do. Flink hides what it logs of an option named `jaas.config`."""
    if settings.kafka_security_protocol == "PLAINTEXT":
        return {}
    login: dict[str, str] = {"properties.security.protocol": settings.kafka_security_protocol}
    if settings.kafka_security_protocol.startswith("SASL_") and settings.kafka_sasl_username and settings.kafka_sasl_password:
        user, password = map(_quoted, (settings.kafka_sasl_username, settings.kafka_sasl_password.get_secret_value()))
        login["properties.sasl.mechanism"] = settings.kafka_sasl_mechanism
        login["properties.sasl.jaas.config"] = f"{_MODULE[settings.kafka_sasl_mechanism]} required username={user} password={password};"
    if settings.kafka_ssl_ca_location is not None:
        login["properties.ssl.truststore.type"] = "PEM"
        login["properties.ssl.truststore.location"] = str(settings.kafka_ssl_ca_location)
    return login


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _options(options: dict[str, str]) -> str:
    return ", ".join(f"'{name}' = '{value.replace(_QUOTE, 2 * _QUOTE)}'" for name, value in options.items())
