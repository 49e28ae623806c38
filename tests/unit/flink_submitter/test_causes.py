"""What is read from Flink's stack traces."""

import pytest

from flink.causes import is_outage, root_cause

KAFKA = "org.apache.flink.kafka.shaded.org.apache.kafka"


def trace(*causes: str) -> str:
    """A Java stack trace, from the outermost exception to the root."""
    return "\nCaused by: ".join(f"{cause}\n\tat org.apache.flink.Some.where(Some.java:1)\n\t... 7 more" for cause in causes)


KAFKA_AWAY = trace(
    "org.apache.flink.runtime.JobException: Recovery is suppressed by ExponentialDelayRestartBackoffTimeStrategy",
    "org.apache.flink.util.FlinkRuntimeException: Failed to list subscribed topic partitions due to",
    f"java.util.concurrent.ExecutionException: {KAFKA}.common.errors.TimeoutException: Timed out waiting for a node assignment.",
    f"{KAFKA}.common.errors.TimeoutException: Timed out waiting for a node assignment. Call: describeTopics",
)
NO_TASK_MANAGER = trace(
    "java.util.concurrent.CompletionException: org.apache.flink.runtime.jobmanager.scheduler.NoResourceAvailableException: no slot",
    "org.apache.flink.runtime.jobmanager.scheduler.NoResourceAvailableException: Could not acquire the minimum required resources.",
    "java.util.concurrent.TimeoutException: Timeout has occurred: 300000 ms",
)


@pytest.mark.parametrize(
    "stacktrace",
    [
        KAFKA_AWAY,
        NO_TASK_MANAGER,
        trace("java.lang.RuntimeException", f"{KAFKA}.common.errors.DisconnectException"),
        trace(f"{KAFKA}.common.KafkaException: Failed", f"{KAFKA}.common.config.ConfigException: No resolvable bootstrap urls given"),
        trace("java.io.IOException: checkpoints", "java.net.ConnectException: Connection refused"),
        trace("org.apache.flink.runtime.jobmaster.JobMasterException: TaskManager with id 127.0.0.1:6125-a is no longer reachable."),
        trace("java.util.concurrent.TimeoutException: Heartbeat of TaskManager with id 127.0.0.1:6125-a timed out."),
        trace("org.apache.flink.util.FlinkException: The TaskExecutor is shutting down."),
        trace("org.apache.flink.runtime.io.network.netty.exception.RemoteTransportException: Lost connection to task manager"),
        trace(
            "java.lang.RuntimeException: Error received from SDK harness: Traceback (most recent call last):\n"
            '  File "operators.py", line 1, in open\nstreaming.errors.Unreachable: Kafka at 127.0.0.1:9092 does not answer'
        ),
    ],
)
def test_what_is_away_is_an_outage(stacktrace: str) -> None:
    assert is_outage(stacktrace)


@pytest.mark.parametrize(
    "stacktrace",
    [
        trace("org.apache.flink.util.FlinkException: Could not restore keyed state backend", "java.io.EOFException"),
        trace("java.lang.IllegalStateException: Failed to rollback to checkpoint", "java.io.FileNotFoundException: /checkpoints/a/chk-7"),
        trace(f"{KAFKA}.common.errors.RecordTooLargeException: The message is 9000000 bytes"),
        trace("java.lang.RuntimeException: the text quotes java.net.ConnectException: Connection refused"),
        trace("java.lang.RuntimeException: Failed to start the worker", "java.util.concurrent.TimeoutException: waited 30 s"),
        # What failed while the failure was cleaned up is no cause of it.
        "java.io.EOFException\n\tat a.B.c(B.java:1)\n\tSuppressed: java.lang.Exception: closing\n\tCaused by: java.net.ConnectException: x",
    ],
)
def test_what_is_wrong_is_no_outage(stacktrace: str) -> None:
    assert not is_outage(stacktrace)


def test_the_root_cause_is_the_last_that_was_not_merely_suppressed() -> None:
    suppressed = "\n\tSuppressed: java.lang.Exception: closing\n\tCaused by: java.lang.Exception: twice"
    assert root_cause(trace("java.lang.Exception: outer", "java.io.EOFException: the state ends early") + suppressed) == (
        "java.io.EOFException: the state ends early"
    )
