"""What a Java stack trace says: what went wrong first, and whether it was something that is away rather than something that is wrong."""

import re

# Where a broker, the network or a TaskManager is away, one of these is among the causes, or one of these messages.
_OF_KAFKA = (
    "Timeout|Disconnect|Network|BrokerNotAvailable|LeaderNotAvailable|ReplicaNotAvailable|NotLeaderOrFollower|NotEnoughReplicas|"
    "NotEnoughReplicasAfterAppend|CoordinatorNotAvailable|CoordinatorLoadInProgress|NotCoordinator|KafkaStorage|UnknownTopicOrPartition"
)
_AWAY = re.compile(
    rf"(?:[\w.]+\.)?kafka\.common\.errors\.(?:{_OF_KAFKA})Exception\b"
    r"|java\.net\.(?:Connect|UnknownHost|NoRouteToHost|PortUnreachable|SocketTimeout)Exception\b"
    r"|org\.apache\.flink\.runtime\.jobmanager\.scheduler\.NoResourceAvailableException\b"
    r"|org\.apache\.flink\.runtime\.io\.network\.netty\.exception\.(?:Remote|Local)TransportException\b"
    r"|org\.apache\.flink\.runtime\.io\.network\.partition\.consumer\.PartitionConnectionException\b"
    r"|streaming\.errors\.Unreachable\b"
)
_AWAY_SAID = re.compile(
    r"No resolvable bootstrap urls"
    r"|with id \S+ (?:is no longer reachable|timed out)\."
    r"|The TaskExecutor is shutting down\."
    r"|Pending slot request (?:\S+ )?timed out"
    r"|Disconnect from JobManager responsible for "
)


def root_cause(stacktrace: str) -> str:
    """What went wrong first; of a Python traceback within it, with its last line."""
    message = _causes(stacktrace)[-1]
    root = message[0]
    if any("Traceback (most recent call last)" in line for line in message):
        root = f"{root} {message[-1]}"
    return root[:1000]


def is_outage(stacktrace: str) -> bool:
    """Whether Kafka, the network or a TaskManager was away: it passes by itself, and says nothing of the job or its checkpoint."""
    return any(
        _AWAY.match(line) or (number == 0 and _AWAY_SAID.search(line))
        for message in _causes(stacktrace)
        for number, line in enumerate(message)
    )


def _causes(stacktrace: str) -> list[list[str]]:
    """The lines of each exception's message, from the outermost to the root. What was merely suppressed is indented, and no cause."""
    lines = [line for line in stacktrace.splitlines() if line.strip() and not line.startswith("\t")] or ["no exception is named"]
    starts = [0, *(number for number, line in enumerate(lines) if number and line.startswith("Caused by: "))]
    messages = [lines[start:end] for start, end in zip(starts, [*starts[1:], len(lines)], strict=True)]
    return [[line.strip().removeprefix("Caused by: ") for line in message] for message in messages]
