"""Is a component doing its work? Each check returns, or raises Unreachable with the reason; none takes over 3 s."""

import json
import logging
import socket
import time
from http.client import HTTPException, HTTPResponse
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.request import urlopen

import psycopg2
import redis
from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from streaming.errors import Unreachable

_TIMEOUT_S = 2
_DEADLINE_S = 3.0
_LARGEST = 1 << 20
_quiet = logging.getLogger("deploy.local.librdkafka")
_quiet.addHandler(logging.NullHandler())
_quiet.propagate = False


def http(url: str) -> None:
    """Answers with a 2xx status."""
    fetch(url)


def fetch(url: str) -> Any:
    """The JSON body of a 2xx reply, None for another body."""
    deadline = time.monotonic() + _DEADLINE_S
    try:
        with urlopen(url, timeout=_TIMEOUT_S) as reply:  # nosec B310 # the stack's own addresses, all of them http
            body = _read(reply, deadline)
    except HTTPError as err:
        raise Unreachable(_problem(err, deadline)) from err
    except (URLError, OSError, HTTPException) as err:
        raise Unreachable(str(getattr(err, "reason", err))) from err
    try:
        return json.loads(body)
    except ValueError:
        return None


def _read(reply: HTTPResponse | HTTPError, deadline: float) -> bytes:
    """The body. A timeout holds for each packet alone: what drips is given up at the deadline, of `time.monotonic()`."""
    body = b""
    while piece := reply.read1(_LARGEST):
        body += piece
        if time.monotonic() > deadline:
            raise Unreachable(f"does not answer in whole, not within {_DEADLINE_S:g} s")
        if len(body) > _LARGEST:
            raise Unreachable(f"answers with more than {_LARGEST} bytes")
    if reply.length:
        raise Unreachable("breaks off in the middle of its reply")
    return body


def _problem(err: HTTPError, deadline: float) -> str:
    """What a service that is not ready says is in its way."""
    try:
        problems = json.loads(_read(err, deadline))["problems"]
        if not problems or not isinstance(problems, dict):
            return f"HTTP {err.code}"
    except (ValueError, KeyError, TypeError, OSError, HTTPException):
        return f"HTTP {err.code}"
    return "; ".join(f"{component}: {reason}" for component, reason in problems.items())


def postgres(url: str) -> None:
    """Takes a login and answers a query."""
    try:
        connection = psycopg2.connect(url, connect_timeout=_TIMEOUT_S)
        with connection, connection.cursor() as cursor:
            cursor.execute("SELECT 1")
        connection.close()
    except psycopg2.OperationalError as err:
        raise Unreachable(str(err).strip().splitlines()[-1]) from err


def redis_answers(url: str) -> None:
    """Answers PING with our password."""
    try:
        redis.Redis.from_url(url, socket_timeout=_TIMEOUT_S, socket_connect_timeout=_TIMEOUT_S).ping()
    except redis.RedisError as err:
        raise Unreachable(str(err)) from err


def kafka(bootstrap: str) -> None:
    """Tells its topics."""
    host, port = bootstrap.rsplit(":", 1)
    try:
        socket.create_connection((host, int(port)), timeout=_TIMEOUT_S).close()
        AdminClient({"bootstrap.servers": bootstrap}, logger=_quiet).list_topics(timeout=_TIMEOUT_S)
    except (OSError, KafkaException) as err:
        raise Unreachable(str(err)) from err


def airflow(url: str, component: str) -> None:
    """Airflow's own report calls the component healthy: it wrote a heartbeat lately."""
    status = fetch(f"{url}/api/v2/monitor/health").get(component, {}).get("status")
    if status != "healthy":
        raise Unreachable(f"{component} is {status or 'not started'}")


def task_slots(flink_url: str) -> None:
    """A TaskManager has registered with the JobManager."""
    if not fetch(f"{flink_url}/overview")["slots-total"]:
        raise Unreachable("no TaskManager has registered")
