"""The programs of the stack, in the order in which they are started. A new component is one more entry here."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from importlib.util import find_spec
from pathlib import Path

from deploy.local import health, postgres, prometheus
from deploy.local.environment import PROMETHEUS_URL
from deploy.local.places import Places
from deploy.local.ports import HOST
from deploy.local.stack import Stack
from streaming.services import SERVICES, STORAGE_API, Service
from streaming.topics import LLM_CONSUMER


@dataclass(frozen=True, kw_only=True)
class Program:
    """A process under supervisord. `alive` and `ready` return or raise Unreachable; starting goes on once it is alive.

    `ready` returns what the program works around meanwhile, None for nothing.
    """

    name: str
    command: tuple[str, ...]
    address: str
    ports: tuple[int, ...]
    alive: Callable[[], None]
    ready: Callable[[], str | None]
    environment: Mapping[str, str] = field(default_factory=dict)
    directory: Path | None = None
    user: str | None = None
    stop_signal: str = "TERM"
    # PostgreSQL gives signals meanings of its own to its children; everybody else's children stop with it.
    signals_its_group: bool = True
    alive_within_s: float = 300
    ready_within_s: float = 120


def start_order(stack: Stack) -> tuple[tuple[Program, ...], ...]:
    """Groups of programs; a group is started when the one before is alive. Databases and topics are made after the first."""
    return components(stack), services(stack), airflow(stack), monitoring(stack)


def components(stack: Stack) -> tuple[Program, ...]:
    """What the services stand on."""
    env, ports, places = stack.environment, stack.ports, stack.places
    flink = env["ANSWERLOOP_FLINK_URL"]
    database = partial(health.postgres, postgres.superuser_url(stack))
    cache = partial(health.redis_answers, env["ANSWERLOOP_REDIS_URL"])
    broker = partial(health.kafka, env["ANSWERLOOP_KAFKA_BOOTSTRAP"])
    jobmanager = partial(health.http, f"{flink}/overview")
    taskmanager = partial(health.task_slots, flink)
    return (
        Program(
            name="postgres",
            command=postgres.command(places),
            address=f"{HOST}:{ports.postgres}",
            ports=(ports.postgres,),
            alive=database,
            ready=database,
            directory=places.postgres,
            user=places.postgres_user,
            stop_signal="INT",
            signals_its_group=False,
        ),
        Program(
            name="redis",
            command=("redis-server", str(places.redis / "redis.conf")),
            address=f"{HOST}:{ports.redis}",
            ports=(ports.redis,),
            alive=cache,
            ready=cache,
        ),
        Program(
            name="kafka",
            command=kafka_java(places, "kafka.Kafka", str(places.kafka / "server.properties")),
            address=env["ANSWERLOOP_KAFKA_BOOTSTRAP"],
            ports=(ports.kafka, ports.kafka_controller),
            alive=broker,
            ready=broker,
        ),
        _measured(
            stack,
            ports.flink_jobmanager_metrics,
            Program(
                name="flink-jobmanager",
                command=(str(flink_home() / "bin" / "jobmanager.sh"), "start-foreground"),
                address=flink,
                ports=(ports.flink, ports.flink_rpc, ports.flink_blob),
                alive=jobmanager,
                ready=jobmanager,
            ),
        ),
        _measured(
            stack,
            ports.flink_taskmanager_metrics,
            Program(
                name="flink-taskmanager",
                command=(str(places.python), "-m", "deploy.local.taskmanager"),
                address=f"{HOST}:{ports.flink_taskmanager_rpc}",
                ports=(ports.flink_taskmanager_rpc, ports.flink_taskmanager_data),
                alive=taskmanager,
                ready=taskmanager,
            ),
        ),
    )


def _measured(stack: Stack, port: int, program: Program) -> Program:
    """A process of Flink that shows its metrics, where somebody collects them."""
    if not stack.monitored:
        return program
    return replace(program, command=(*program.command, *prometheus.flink_reporter(port)), ports=(*program.ports, port))


def services(stack: Stack) -> tuple[Program, ...]:
    """The loop's own processes."""
    env, ports, places = stack.environment, stack.ports, stack.places
    model = env["ANSWERLOOP_OLLAMA_URL"]
    answers = partial(health.http, f"{model}/api/version")
    simulator = Program(
        name="simulator",
        command=service_command(places, "simulator"),
        address=model,
        ports=(ports.simulator,),
        alive=answers,
        ready=answers,
    )
    return (*((simulator,) if stack.simulated else ()), *(_service(stack, service) for service in SERVICES))


def _service(stack: Stack, service: Service) -> Program:
    """A service of the loop: the API at its own address, the others at their ops endpoints."""
    port = stack.ports.of(service)
    address = f"http://{HOST}:{port}"
    is_api = service.name == STORAGE_API
    return Program(
        name=service.command,
        command=service_command(stack.places, service.command),
        address=address,
        ports=(port,),
        alive=partial(health.http, f"{address}/healthz"),
        ready=partial(health.readiness if is_api else health.http, f"{address}/readyz"),
        environment={} if is_api else {"ANSWERLOOP_OPS_PORT": str(port)},
        # A model that is not ours to start is not waited for.
        ready_within_s=5 if service.name == LLM_CONSUMER and not stack.simulated else 120,
    )


def airflow(stack: Stack) -> tuple[Program, ...]:
    """Airflow's processes. Task logs are read from the disk that all of them share: nothing else serves them."""
    port, places = stack.ports.airflow, stack.places
    airflow = airflow_command(places)
    return (
        _airflow(stack, "api-server", "metadatabase", (*airflow, "api-server"), ports=(port,)),
        _airflow(stack, "scheduler", "scheduler", (str(places.python), "-m", "deploy.local.scheduler")),
        _airflow(stack, "dag-processor", "dag_processor", (*airflow, "dag-processor")),
        _airflow(stack, "triggerer", "triggerer", (*airflow, "triggerer", "--skip-serve-logs")),
    )


def monitoring(stack: Stack) -> tuple[Program, ...]:
    """Prometheus, where it is installed."""
    if not stack.monitored:
        return ()
    url = stack.environment[PROMETHEUS_URL]
    return (
        Program(
            name="prometheus",
            command=prometheus.command(stack.places, stack.ports),
            address=url,
            ports=(stack.ports.prometheus,),
            alive=partial(health.http, f"{url}/-/healthy"),
            ready=partial(health.http, f"{url}/-/ready"),
        ),
    )


def _airflow(stack: Stack, name: str, component: str, command: tuple[str, ...], ports: tuple[int, ...] = ()) -> Program:
    """One of Airflow's processes; `component`: its name in Airflow's own health report."""
    url = f"http://{HOST}:{stack.ports.airflow}"
    healthy = partial(health.airflow, url, component)
    return Program(
        name=f"airflow-{name}",
        command=command,
        address=url if ports else "",
        ports=ports,
        alive=healthy,
        ready=healthy,
        environment=stack.airflow_environment,
    )


def airflow_command(places: Places) -> tuple[str, ...]:
    return (str(places.python), "-m", "airflow")


def service_command(places: Places, name: str) -> tuple[str, ...]:
    return (str(places.python), "-m", "streaming", name)


def kafka_java(places: Places, main: str, *arguments: str) -> tuple[str, ...]:
    """A Java command with Kafka's jars."""
    return (
        "java",
        "-Xmx512m",
        "-Xms128m",
        "-XX:+UseSerialGC",
        f"-Dlog4j2.configurationFile={places.root / 'deploy/local/kafka/log4j2.yaml'}",
        "-cp",
        f"{places.kafka_jars}/*",
        main,
        *arguments,
    )


def flink_home() -> Path:
    """Where the PyPI package has Flink's distribution. Found without importing it: that takes a second."""
    spec = find_spec("pyflink")
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parent
