"""The message that reports a model call."""

from dataclasses import dataclass
from datetime import datetime

from streaming import contracts, topics
from streaming.contracts import Fatal, Overload, Question, Quota, Response, Retryable
from streaming.model.outcome import Outcome, Overloaded, QuotaReached, Refused
from streaming.model.server import Success
from streaming.retry_policy import RULES, Cause


@dataclass(frozen=True)
class Call:
    """A model call that ended: which model was asked, when it began and ended, and what came of it."""

    model: str
    started_at: datetime
    finished_at: datetime
    response_time_ms: float
    outcome: Success | Overloaded | QuotaReached | Refused


def name_of(kind: type[Outcome]) -> str:
    """The kind of outcome's name in metrics."""
    return kind.__name__.lower()


def report(question: Question, call: Call) -> tuple[str, Response | Retryable | Fatal]:
    """Topic and message for what came of the call."""
    carried = question.carried() | {
        "retry_count": question.retry_count,
        "timestamp": call.finished_at,
        "model": call.model,
        "llm_started_at": call.started_at,
        "llm_finished_at": call.finished_at,
        "response_time_ms": call.response_time_ms,
    }
    match call.outcome:
        case Success() as success:
            answer = {
                "llm_response": success.text,
                "model": success.model or call.model,
                "truncated": success.truncated,
                "tokens": success.tokens,
                "prompt_tokens": success.prompt_tokens,
            }
            return topics.SUCCESS, Response(**carried | answer)
        case Overloaded(message=message, kind=kind, retry_after_s=retry_after_s):
            return RULES[Cause.OVERLOAD].topic, Overload(
                error_type=contracts.OVERLOAD, error_kind=kind, error_message=message, retry_after_seconds=retry_after_s, **carried
            )
        case QuotaReached(message=message, retry_after_s=retry_after_s):
            return RULES[Cause.QUOTA].topic, Quota(
                error_type=contracts.QUOTA, error_message=message, retry_after_seconds=retry_after_s, **carried
            )
        case Refused(cause=cause, message=message):
            return topics.FATAL, Fatal(error_type=cause, error_message=message, **carried)
