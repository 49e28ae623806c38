"""The loop's topics, how they are configured, and which group reads which."""

from dataclasses import dataclass

from streaming import contracts

PENDING = "questions-pending"
SUCCESS = "llm-responses-success"
OVERLOAD = "llm-responses-error-overload"
QUOTA = "llm-responses-error-quota"
FATAL = "llm-responses-error-fatal"
VALIDATED = "validated-responses"
LOW_QUALITY = "low-quality-responses"
DEAD_LETTERS = "dead-letters"

MAX_MESSAGE_BYTES = 8 * 1024 * 1024
_RETENTION_MS = 30 * 24 * 3600 * 1000


@dataclass(frozen=True)
class TopicSpec:
    """A topic as it must be: partitions, configuration and the message it carries."""

    name: str
    message: type[contracts.Message]
    partitions: int

    @property
    def config(self) -> dict[str, str]:
        return {
            "cleanup.policy": "delete",
            # The producer's own time may lie years back, or be in another unit: retention would delete the record unread.
            "message.timestamp.type": "LogAppendTime",
            "max.message.bytes": str(MAX_MESSAGE_BYTES),
            "retention.ms": str(_RETENTION_MS),
            "retention.bytes": "-1",
        }


TOPICS = (
    TopicSpec(PENDING, contracts.Question, 6),
    TopicSpec(SUCCESS, contracts.Response, 6),
    TopicSpec(OVERLOAD, contracts.Overload, 3),
    TopicSpec(QUOTA, contracts.Quota, 3),
    TopicSpec(FATAL, contracts.Fatal, 3),
    TopicSpec(VALIDATED, contracts.Validated, 3),
    TopicSpec(LOW_QUALITY, contracts.Scored, 3),
    TopicSpec(DEAD_LETTERS, contracts.DeadLetter, 1),
)

MESSAGE_OF = {spec.name: spec.message for spec in TOPICS}

# Services and consumer groups: one name for both.
LLM_CONSUMER = "llm_consumer_service"
RETRY_OVERLOAD = "retry_overload_consumer"
RETRY_QUOTA = "retry_quota_consumer"
FLINK_SCORE_JOB = "flink_score_job"
STORAGE_PERSISTER = "storage_persister"

CONSUMED_BY = {
    LLM_CONSUMER: (PENDING,),
    RETRY_OVERLOAD: (OVERLOAD,),
    RETRY_QUOTA: (QUOTA,),
    FLINK_SCORE_JOB: (SUCCESS,),
    STORAGE_PERSISTER: (VALIDATED, LOW_QUALITY, OVERLOAD, QUOTA, FATAL),
}
