"""The stack as a fault strikes it: its programs, their processes, its stores and topics."""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import confluent_kafka as ck
import httpx
import psutil
import psycopg2
import redis

from deploy.local import lifecycle
from deploy.local import stack as local_stack
from deploy.local.programs import start_order
from deploy.local.supervisor import Supervisor
from streaming.errors import ConfigurationError
from streaming.settings import Settings

ENDS_WITHIN_S = 60


class NotHealed(Exception):
    """The stack does not do within a deadline what it must."""


class ChaosStack:
    """What is done to the stack of this environment. Every call blocks."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._stack = local_stack.recorded(os.environ)
        self._supervisor = Supervisor(self._stack.places)
        # Airflow takes no part in the loop.
        components, services, *_ = start_order(self._stack)
        self._programs = (*components, *services)

    @property
    def calls_file(self) -> Path:
        """Where the simulator writes its calls down. Raises ConfigurationError."""
        return _named(self.settings.simulator_calls, "ANSWERLOOP_SIMULATOR_CALLS")

    def pid(self, program: str) -> int:
        """The process of a program."""
        return self._supervisor.state(program).pid

    def pids(self) -> dict[str, int]:
        """The processes of the loop's programs."""
        return {program.name: self.pid(program.name) for program in self._programs}

    def kill(self, program: str) -> None:
        """kill -9, and wait until its supervisor has started it again."""
        before = self.pid(program)
        os.kill(before, signal.SIGKILL)
        self.until(lambda: self._restarted(program, before), f"{program} is started again")

    def kill_for(self, program: str, seconds: float) -> None:
        """kill -9, and start it again after so long."""
        os.kill(self.pid(program), signal.SIGKILL)
        self.away(program, seconds)

    def away(self, program: str, seconds: float) -> None:
        """Stop a program and start it again after so long."""
        self._supervisor.stop(program)
        self.until(lambda: self._supervisor.state(program).stopped, f"{program} stops")
        time.sleep(seconds)
        self.start(program)

    def stop(self, program: str) -> None:
        """Stop a program; `start` starts it again."""
        self._supervisor.stop(program)
        self.until(lambda: self._supervisor.state(program).stopped, f"{program} stops")

    def start(self, program: str) -> None:
        """Start a program."""
        self._supervisor.start(program)
        self.until(lambda: self._supervisor.state(program).running, f"{program} runs")

    def freeze(self, program: str, seconds: float) -> None:
        """SIGSTOP for so long: the process and all below it."""
        family = [process for process in self.family(program) if process.is_running()]
        for process in family:
            process.suspend()
        try:
            time.sleep(seconds)
        finally:
            for process in family:
                with suppress(psutil.NoSuchProcess):
                    process.resume()

    def family(self, program: str) -> list[psutil.Process]:
        """The processes of a program."""
        parent = psutil.Process(self.pid(program))
        return [parent, *parent.children(recursive=True)]

    def arm(self, point: str, times: int) -> None:
        """End the service at a failpoint, the so-many-th time that it comes by, and wait for its next life."""
        folder = _named(self.settings.failpoints, "ANSWERLOOP_FAILPOINTS")
        folder.mkdir(parents=True, exist_ok=True)
        file = folder / point
        file.with_suffix(".new").write_text(str(times))
        file.with_suffix(".new").rename(file)
        self.until(lambda: not file.exists(), f"the failpoint {point} is reached")

    def sql(self, statement: str) -> None:
        """Run a statement as the services' own user."""
        with closing(psycopg2.connect(self.settings.database_url)) as connection, connection.cursor() as cursor:
            connection.autocommit = True
            cursor.execute(statement)

    def redis(self) -> "redis.Redis[bytes]":
        """A client of the cache."""
        return redis.Redis.from_url(self.settings.redis_url)

    def produce(self, records: list[tuple[str, bytes | None]]) -> None:
        """Put records into topics as they are."""
        producer = ck.Producer({"bootstrap.servers": self.settings.kafka_bootstrap, "message.max.bytes": 9 * 1024 * 1024})
        for topic, value in records:
            producer.produce(topic, value)
            producer.poll(0)
        if left := producer.flush(60):
            raise TimeoutError(f"{left} records were not delivered within 60 s")

    @contextmanager
    def another(self, program: str, **environment: str) -> Iterator[None]:
        """A further process of a program, with these variables changed, until the end of the block; its log is `chaos-PROGRAM.log`."""
        (found,) = (each for each in self._programs if each.name == program)
        log = self._stack.places.logs / f"chaos-{program}.log"
        variables = {**self._stack.process_environment, **found.environment, **environment}
        with log.open("ab") as out:
            process = subprocess.Popen(found.command, env=variables, cwd=self._stack.places.root, stdout=out, stderr=out)
        try:
            yield
            process.terminate()
            with suppress(subprocess.TimeoutExpired):
                process.wait(ENDS_WITHIN_S / 2)
        finally:
            process.kill()
            process.wait()

    @contextmanager
    def instead(self, program: str, **environment: str) -> Iterator[None]:
        """The same in the program's own place."""
        self.stop(program)
        try:
            with self.another(program, **environment):
                yield
        finally:
            self.start(program)

    def rewind(self, group: str, topics: tuple[str, ...], program: str) -> None:
        """Let a group read its topics from the start again; its only member is stopped meanwhile."""
        self.stop(program)
        consumer = ck.Consumer({"bootstrap.servers": self.settings.kafka_bootstrap, "group.id": group, "enable.auto.commit": False})
        try:
            known = consumer.list_topics(timeout=15).topics
            places = [ck.TopicPartition(topic, number, 0) for topic in topics for number in known[topic].partitions]
            self.until(lambda: self._committed(consumer, places), f"{group} is at the start")
        finally:
            consumer.close()
        self.start(program)

    @staticmethod
    def _committed(consumer: ck.Consumer, places: list[ck.TopicPartition]) -> bool:
        try:
            consumer.commit(offsets=places, asynchronous=False)
        except ck.KafkaException:
            # A member that has just left is still counted until its session ends.
            return False
        return True

    def flink(self, path: str) -> dict[str, object]:
        """What Flink's REST API says at a path."""
        reply = httpx.get(f"{self.settings.flink_url}{path}", timeout=10, trust_env=False)
        reply.raise_for_status()
        found: dict[str, object] = reply.json()
        return found

    def unready(self) -> dict[str, str]:
        """What of the loop is not ready for work, and why."""
        found = {program.name: lifecycle.problem(program, ready=True) for program in self._programs}
        return {name: reason for name, reason in found.items() if reason is not None}

    def until(self, condition: Callable[[], bool], what: str, within_s: float = ENDS_WITHIN_S) -> None:
        """Poll until it holds. Raises NotHealed."""
        end = time.monotonic() + within_s
        while not condition():
            if time.monotonic() > end:
                raise NotHealed(f"not within {within_s:.0f} s: {what}")
            time.sleep(0.1)

    def _restarted(self, program: str, before: int) -> bool:
        state = self._supervisor.state(program)
        return state.running and state.pid not in (0, before)


def _named(path: Path | None, setting: str) -> Path:
    if path is None:
        raise ConfigurationError(f"{setting} is not set: fault runs need a stack that was started with it, as `make chaos` does")
    return path
